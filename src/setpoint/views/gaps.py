"""What is intended and cannot be had: the demand list, most wanted first."""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities, Unmet
from setpoint.model.change import Actor
from setpoint.model.ids import AppId
from setpoint.planning.planner import plan
from setpoint.policy import access
from setpoint.store.port import Store
from setpoint.views import lookup, plans


class Gap(msgspec.Struct, frozen=True):
    """One leaf of one app. `since_s`: unix seconds since which it is short of that."""

    app: str
    app_id: AppId
    since_s: float
    unmet: Unmet


class Demand(msgspec.Struct, frozen=True):
    """One capability that falls short. `apps`: how many want more of it than there is."""

    capability: str
    apps: int
    leaves: int
    workaround: str
    gaps: tuple[Gap, ...]


async def gaps(store: Store, actor: Actor, app: str | None = None) -> tuple[Demand, ...]:
    """`app`: of this one alone. As the last pass of each concluded; of what an older generation
    wanted nothing is told. Raises Forbidden, NotFound."""
    if app is not None:
        units: tuple[Unit, ...] = (await lookup.app_to(store, actor, "see", app),)
    else:
        access.authorise(actor, "see", "the apps")
        units = await lookup.apps_of(store, actor)
    found = [gap for unit in units for gap in await _of(store, unit)]
    return ranked(found)


async def ungranted(
    store: Store, unit: Unit, capabilities: Capabilities, now_s: float
) -> tuple[Unmet, ...]:
    """What of its document cannot be had, as the next pass will find: for who has just written it
    and does not wait."""
    next_pass = plan(unit, await plans.observed(store, unit), capabilities, now_s)
    return tuple(unmet for unmet in next_pass.unmet if not unmet.warned)


async def _of(store: Store, unit: Unit) -> tuple[Gap, ...]:
    status, summary = await lookup.seen(store, unit.id)
    if status is None or status.observed_generation < unit.generation:
        return ()
    return tuple(Gap(unit.name, unit.id, unmet.since_s, unmet) for unmet in summary.unmet)


def ranked(found: list[Gap]) -> tuple[Demand, ...]:
    """By how many apps want it, then by how many leaves, then by name."""
    by_name: dict[str, list[Gap]] = {}
    for gap in found:
        by_name.setdefault(gap.unmet.capability, []).append(gap)
    demands = [
        Demand(
            name,
            len({g.app_id for g in gaps}),
            len(gaps),
            gaps[0].unmet.workaround,
            tuple(sorted(gaps, key=lambda g: (g.app, g.unmet.path))),
        )
        for name, gaps in by_name.items()
    ]
    return tuple(sorted(demands, key=lambda d: (-d.apps, -d.leaves, d.capability)))
