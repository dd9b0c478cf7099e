"""Releases of an app, newest first."""

import msgspec

from setpoint.model.change import Actor
from setpoint.model.release import Release, ReleaseStatus
from setpoint.store.port import Store
from setpoint.views import lookup

LIMIT_MAX = 200


class ReleaseLine(msgspec.Struct, frozen=True):
    """`by`: email of whoever made the Change it goes back to. `current`: the newest that serves."""

    version: int
    label: str
    status: ReleaseStatus
    description: str
    message: str
    change: int
    by: str
    source: str
    build: str
    created_at_s: float
    current: bool
    processes: tuple[str, ...]


async def releases(
    store: Store, actor: Actor, name: str, limit: int = 50
) -> tuple[ReleaseLine, ...]:
    unit = await lookup.app_to(store, actor, "see", name)
    found = await store.releases(unit.id, max(1, min(limit, LIMIT_MAX)))
    current = next((r.version for r in found if r.status == "succeeded"), None)
    return tuple([await _line(store, r, current=r.version == current) for r in found])


async def _line(store: Store, release: Release, *, current: bool) -> ReleaseLine:
    changes = await store.change(release.change)
    return ReleaseLine(
        version=release.version,
        label=release.label,
        status=release.status,
        description=release.description,
        message=release.message,
        change=release.change,
        by=changes[0].change.asked.actor.email if changes else "",
        source=release.source,
        build=release.build,
        created_at_s=release.created_at_s,
        current=current,
        processes=tuple(p.name for p in release.slug.processes),
    )
