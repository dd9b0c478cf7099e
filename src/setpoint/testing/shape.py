"""What an app has come to, without how: for comparing two worlds that were told the same."""

from collections.abc import Mapping

import msgspec

from setpoint.model.app import Unit
from setpoint.model.ids import Digest
from setpoint.model.process import Bounds
from setpoint.testing.truth import release_serves
from setpoint.testing.world import World


class ProcessShape(msgspec.Struct, frozen=True):
    """`environment`: the values it was started with."""

    code: Digest
    environment: Mapping[str, str]
    bounds: Bounds
    size: str
    hosts: tuple[str, ...]


class AppShape(msgspec.Struct, frozen=True):
    maintenance: bool
    processes: Mapping[str, ProcessShape]


def shape_of(world: World, unit: Unit) -> AppShape | None:
    """None unless it is settled on the release that was asked for last, and that one can serve.

    What an app whose build failed goes on serving is its past, not its intent.
    """
    releases = world.store.rows.releases.get(unit.id, ())
    facts = world.edge.routes.get(unit.id)
    if not releases or releases[0].status != "succeeded" or world.progressing(unit):
        return None
    if releases[0].change < unit.shape_change or releases[0].source != _source(unit):
        return None
    if facts is None or not release_serves(world.store, releases[0]):
        return None
    hosts = {b.target: b.hosts for b in facts.route.backends}
    processes = {
        key.process: ProcessShape(
            code=slot.order.spec.code,
            environment=slot.environment,
            bounds=slot.order.bounds,
            size=slot.order.spec.size,
            hosts=hosts.get(key, ()),
        )
        for key, slot in world.supervisor.slots.items()
        if key.app == unit.id
    }
    return AppShape(facts.route.maintenance, processes)


def _source(unit: Unit) -> Digest | None:
    """Config that is set while the build of it fails is carried out on what serves."""
    return unit.intent.source.digest if unit.intent.source is not None else None
