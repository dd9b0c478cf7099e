"""Formation: how many of each process type are intended."""

from collections.abc import Mapping

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import formation
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.model.release import ProcessType
from setpoint.policy.names import shortened


async def listed(call: Call) -> tuple[shapes.Formation, ...]:
    return await _all(call, await find.app(call))


async def info(call: Call) -> shapes.Formation:
    unit = await find.app(call)
    return _one(unit, await _all(call, unit), call.param("type"))


async def patch(call: Call, body: read.FormationBatch) -> tuple[shapes.Formation, ...]:
    unit = await find.app(call, "scale")
    before = await _all(call, unit)
    named = {_type(before, u.type or u.id or ""): u for u in body.updates}
    await _scale(call, unit, named)
    after = await _all(call, await find.app(call))
    return tuple(f for f in after if f.type in named)


async def patch_one(call: Call, body: read.FormationChange) -> shapes.Formation:
    unit = await find.app(call, "scale")
    type_ = _type(await _all(call, unit), call.param("type"))
    await _scale(call, unit, {type_: body})
    return _one(unit, await _all(call, await find.app(call)), type_)


async def _scale(call: Call, unit: Unit, changes: Mapping[str, read.FormationChange]) -> None:
    types = {t.name: t for t in await _types(call, unit)}
    updates: list[formation.FormationUpdate] = []
    for name, change in changes.items():
        known = types.get(name)
        current = unit.intent.formation_of(name, known.kind) if known is not None else None
        low, high = read.bounds(change, current)
        updates.append(
            formation.FormationUpdate(
                process=name,
                min=low,
                max=high,
                size=change.size_name,
                idle_s=change.idle_s,
                boot_s_max=change.boot_s_max,
                concurrency=change.concurrency,
            )
        )
    await formation.scale(call.services.door, call.asked, unit.name, updates)


async def _all(call: Call, unit: Unit) -> tuple[shapes.Formation, ...]:
    return tuple(
        write.formation(unit, t, unit.intent.formation_of(t.name, t.kind))
        for t in await _types(call, unit)
    )


async def _types(call: Call, unit: Unit) -> tuple[ProcessType, ...]:
    """What the newest slug can run, and what is scaled ahead of any slug that has it."""
    releases = await call.services.store.releases(unit.id, 10)
    newest = next((r for r in releases if r.status in ("pending", "succeeded")), None)
    known = newest.slug.processes if newest is not None else ()
    names = {t.name for t in known}
    ahead = (ProcessType(n, "worker") for n in unit.intent.formation if n not in names)
    return (*known, *ahead)


def _type(formations: tuple[shapes.Formation, ...], wanted: str) -> str:
    """A type by name, known or not yet, or the id of one we answered with."""
    return next((f.type for f in formations if f.id == wanted), wanted)


def _one(unit: Unit, formations: tuple[shapes.Formation, ...], wanted: str) -> shapes.Formation:
    for found in formations:
        if wanted in (found.type, found.id):
            return found
    raise NotFound(
        f"cannot find process type '{shortened(wanted)}': {unit.name} has none of that name"
    )
