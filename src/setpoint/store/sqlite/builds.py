"""Build results: facts that never go back once they are final."""

import msgspec

from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.model.release import Build
from setpoint.store.sqlite import events
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

KEPT = 50
"""How many of an app's builds are read: what the planner asks about is always among the newest."""

_decode = reader(Build, "a build")


def record(db: Connection, build: Build) -> None:
    row = db.execute("SELECT final, body FROM build WHERE id = ?", (build.id,)).fetchone()
    if row is not None and (row[0] or _says(row[1], build)):
        return
    db.execute(
        "INSERT INTO build (id, app, final, body) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET final = excluded.final, body = excluded.body",
        (build.id, build.app, build.final, msgspec.json.encode(build)),
    )
    if row is None and not build.taken_over:
        events.append(db, build.app, "build.begun", build=build.id)
    if build.final and not build.taken_over:
        events.append(db, build.app, "build.ended", build=build.id, status=build.status)


def _says(body: bytes, build: Build) -> bool:
    """What cannot be read says nothing: it is written anew."""
    try:
        return _decode(body) == build
    except Unreadable:
        return False


def of_app(db: Connection, app: AppId) -> tuple[Build, ...]:
    """Newest first."""
    rows = db.execute("SELECT body FROM build WHERE app = ? ORDER BY ord DESC LIMIT ?", (app, KEPT))
    return tuple(_decode(body) for (body,) in rows)
