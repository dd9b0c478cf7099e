"""The log of Changes, newest first."""

from collections.abc import Mapping, Sequence

from setpoint.model.answer import Logged
from setpoint.model.app import Unit
from setpoint.model.change import Actor, UnitChange
from setpoint.model.ids import AppId
from setpoint.model.story import Outcome
from setpoint.planning.reasons import reason
from setpoint.policy import access
from setpoint.store.port import Store
from setpoint.views import lookup, outcomes

LIMIT_MAX = 500
RELEASES_READ = 50


async def changes(
    store: Store, actor: Actor, name: str | None = None, limit: int = 50, since: int = 0
) -> tuple[Logged, ...]:
    """Of one app, or of all. `since`: only those with a higher seq."""
    bounded = max(1, min(limit, LIMIT_MAX))
    if name is None:
        access.authorise(actor, "see", "the changes")
        found = await _all(store, actor, bounded)
    else:
        unit = await lookup.app_to(store, actor, "see", name)
        found = await store.changes(unit.id, bounded)
    return await _logged(store, [c for c in found if c.change.seq > since])


async def _all(store: Store, actor: Actor, limit: int) -> Sequence[UnitChange]:
    """Of every app that the actor may know of; of accounts and tokens administrators alone hear."""
    if actor.reach == "all":
        return await store.changes(None, limit)
    units = await lookup.apps_of(store, actor)
    found = [c for unit in units for c in await store.changes(unit.id, limit)]
    return sorted(found, key=lambda c: (-c.change.seq, c.unit))[:limit]


async def _logged(store: Store, found: Sequence[UnitChange]) -> tuple[Logged, ...]:
    notes = await store.notes([c.change.seq for c in found])
    units = {id: await lookup.unit(store, id) for id in {AppId(c.unit) for c in found}}
    known = {id: unit for id, unit in units.items() if unit and unit.last_change}
    came = {id: await _outcomes(store, unit, found) for id, unit in known.items()}
    told: list[Logged] = []
    for made in found:
        change, id = made.change, AppId(made.unit)
        said = notes.get(change.seq, ())
        told.append(
            Logged(
                change=change,
                unit=made.unit,
                generation=made.generation,
                touches=made.touches,
                app=await _name(store, units[id], made),
                reason=reason(change.asked, said),
                outcome=came.get(id, {}).get(change.seq),
                notes=said,
            )
        )
    return tuple(told)


async def _outcomes(store: Store, unit: Unit, found: Sequence[UnitChange]) -> Mapping[int, Outcome]:
    mine = [c for c in found if c.unit == unit.id]
    kept = await store.releases(unit.id, RELEASES_READ)
    return await outcomes.outcomes(store, unit, mine, kept)


async def _name(store: Store, unit: Unit | None, made: UnitChange) -> str:
    """Its name now; of one that is gone, its name then."""
    if unit is not None:
        return unit.name
    then = await store.as_of(AppId(made.unit), made.change.asked.at_s, made.change.seq)
    return then.name if then is not None else ""
