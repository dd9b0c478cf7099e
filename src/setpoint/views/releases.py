"""Releases of an app, newest first, and one of them beside the one before it."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from setpoint.model.change import Actor, Asked
from setpoint.model.errors import NotFound
from setpoint.model.release import ProcessType, Release, ReleaseStatus
from setpoint.policy.names import shortened
from setpoint.store.port import Store
from setpoint.views import lookup

LIMIT_MAX = 200


class ReleaseLine(msgspec.Struct, frozen=True):
    """`by`: email of whoever made the Change it goes back to. `current`: the newest that serves.

    `why`: the human's words, '' if there are none. `kept`: it can be gone back to.
    """

    version: int
    label: str
    status: ReleaseStatus
    description: str
    message: str
    change: int
    by: str
    why: str
    source: str
    commit: str
    build: str
    created_at_s: float
    current: bool
    kept: bool
    processes: tuple[str, ...]


class ConfigDifference(msgspec.Struct, frozen=True):
    """By key: values are secrets."""

    key: str
    what: Literal["set", "changed", "removed"]


class ReleaseDetail(msgspec.Struct, frozen=True):
    """`differs`: its config beside that of `before`, the version before it (0: there is none)."""

    line: ReleaseLine
    processes: tuple[ProcessType, ...]
    config_keys: tuple[str, ...]
    before: int
    differs: tuple[ConfigDifference, ...]
    warnings: tuple[str, ...]
    stack: str


async def releases(
    store: Store, actor: Actor, name: str, limit: int = 50
) -> tuple[ReleaseLine, ...]:
    unit = await lookup.app_to(store, actor, "see", name)
    found = await store.releases(unit.id, max(1, min(limit, LIMIT_MAX)))
    askers, serving = await asked(store, found), current(found)
    return tuple(_line(r, askers.get(r.change), current=r.version == serving) for r in found)


async def release(store: Store, actor: Actor, name: str, version: str) -> ReleaseDetail:
    """`version`: 'v3' or '3'. Raises NotFound."""
    unit = await lookup.app_to(store, actor, "see", name)
    rows = await store.releases(unit.id, LIMIT_MAX)
    at = next((i for i, r in enumerate(rows) if version in (r.label, str(r.version))), None)
    if at is None:
        raise NotFound(
            f"cannot see release '{shortened(version)}' of '{name}': it has none of that number",
            f"`setpoint releases {name}` lists those there are",
        )
    row, before = rows[at], rows[at + 1] if at + 1 < len(rows) else None
    askers = await asked(store, (row,))
    line = _line(row, askers.get(row.change), current=row.version == current(rows))
    return ReleaseDetail(
        line=line,
        processes=row.slug.processes,
        config_keys=tuple(sorted(row.config)),
        before=before.version if before is not None else 0,
        differs=_differs(before, row),
        warnings=row.slug.warnings,
        stack=row.slug.stack,
    )


def current(rows: Iterable[Release]) -> int | None:
    """The version that serves: the newest that succeeded. `rows` newest first."""
    return next((r.version for r in rows if r.status == "succeeded"), None)


async def asked(store: Store, rows: Iterable[Release]) -> dict[int, Asked]:
    """Who asked for each, by the number of its Change."""
    found: dict[int, Asked] = {}
    for seq in {r.change for r in rows}:
        for made in await store.change(seq):
            found[seq] = made.change.asked
    return found


def _differs(before: Release | None, now: Release) -> tuple[ConfigDifference, ...]:
    old = before.config if before is not None else {}
    told: list[ConfigDifference] = []
    for key in sorted(old.keys() | now.config.keys()):
        if key not in old:
            told.append(ConfigDifference(key, "set"))
        elif key not in now.config:
            told.append(ConfigDifference(key, "removed"))
        elif old[key] != now.config[key]:
            told.append(ConfigDifference(key, "changed"))
    return tuple(told)


def _line(release: Release, asked: Asked | None, *, current: bool) -> ReleaseLine:
    return ReleaseLine(
        version=release.version,
        label=release.label,
        status=release.status,
        description=release.description,
        message=release.message,
        change=release.change,
        by=asked.actor.email if asked is not None else "",
        why=asked.why if asked is not None else "",
        source=release.source,
        commit=release.commit,
        build=release.build,
        created_at_s=release.created_at_s,
        current=current,
        kept=release.slug_kept,
        processes=tuple(p.name for p in release.slug.processes),
    )
