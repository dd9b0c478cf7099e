"""Releases: derived rows, numbered per app, cut only for the newest shape of the intent.

One Change has one, and one more each time its source was built again on another stack.
"""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.model.release import Build, Release
from setpoint.store.sqlite import events
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode = reader(Release, "a release")

_COLUMNS = "SELECT body, status, message, slug_kept FROM release "
_SELECT = _COLUMNS + "WHERE app = ? "
_OF_CHANGE = _SELECT + "AND change = ? ORDER BY version DESC LIMIT 1"


def cut(
    db: Connection,
    app: AppId,
    build: Build,
    config: Mapping[str, SecretRef],
    description: str,
    change: int,
    now_s: float,
    commit: str = "",
) -> Release | None:
    """None: `change` is not the newest shape any more, or the app is gone."""
    before = _read(db.execute(_OF_CHANGE, (app, change)))
    if before and (build.slug is None or before[0].slug.stack == build.slug.stack):
        return before[0]
    if not _newest_shape(db, app, change):
        return None
    if build.slug is None:
        raise StoreError(f"cannot cut a release of build {build.id}: it left no slug")
    release = Release(
        app=app,
        version=_next_version(db, app),
        build=build.id,
        source=build.source,
        slug=build.slug,
        config=dict(config),
        description=description,
        change=change,
        created_at_s=now_s,
        commit=commit,
    )
    _supersede(db, app)
    _insert(db, release)
    events.append(db, app, "release.cut", version=release.version, change=change)
    return release


def settle(db: Connection, app: AppId, version: int, succeeded: bool, message: str) -> None:
    """The verdict is spoken once; one that was overtaken may still turn out to serve."""
    status = "succeeded" if succeeded else "failed"
    settled = db.execute(
        "UPDATE release SET status = ?, message = ? "
        "WHERE app = ? AND version = ? "
        "AND (status = 'pending' OR (status = 'superseded' AND ?))",
        (status, message, app, version, succeeded),
    )
    if settled.rowcount:
        events.append(db, app, "release.settled", version=version, status=status)


def of_app(db: Connection, app: AppId, limit: int) -> tuple[Release, ...]:
    """Newest first."""
    return _read(db.execute(_SELECT + "ORDER BY version DESC LIMIT ?", (app, limit)))


def one(db: Connection, app: AppId, version: int) -> Release | None:
    found = _read(db.execute(_SELECT + "AND version = ?", (app, version)))
    return found[0] if found else None


def kept(db: Connection) -> tuple[Release, ...]:
    return _read(db.execute(_COLUMNS + "WHERE slug_kept = 1 ORDER BY app, version DESC"))


def _newest_shape(db: Connection, app: AppId, change: int) -> bool:
    row = db.execute(
        "SELECT 1 FROM unit WHERE id = ? AND forgotten = 0 AND shape_change = ?", (app, change)
    ).fetchone()
    return row is not None


def _next_version(db: Connection, app: AppId) -> int:
    row = db.execute("SELECT coalesce(max(version), 0) + 1 FROM release WHERE app = ?", (app,))
    return int(row.fetchone()[0])


def _supersede(db: Connection, app: AppId) -> None:
    """What never got to prove itself is not fallen back to: nobody asks for it any more."""
    db.execute(
        "UPDATE release SET status = 'superseded' WHERE app = ? AND status = 'pending'", (app,)
    )


def _insert(db: Connection, release: Release) -> None:
    db.execute(
        "INSERT INTO release (app, version, change, status, message, body) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            release.app,
            release.version,
            release.change,
            release.status,
            release.message,
            msgspec.json.encode(release),
        ),
    )


def _read(rows: Iterable[sqlite3.Row]) -> tuple[Release, ...]:
    return tuple(
        msgspec.structs.replace(
            _decode(body), status=status, message=message, slug_kept=bool(slug_kept)
        )
        for body, status, message, slug_kept in rows
    )
