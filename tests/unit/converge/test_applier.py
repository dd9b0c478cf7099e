"""The look right before an effect: what the plan was made from may be old by then."""

import random

from msgspec.structs import replace

from setpoint.converge.applier import REROUTED, ROUTED, Applier
from setpoint.model.change import Because
from setpoint.model.steps import EnsureRoute, RemoveProcesses
from setpoint.testing.loop import run
from setpoint.testing.world import World
from tests.unit.converge.test_loop import SHOP, Stage


def test_a_set_that_is_routed_to_by_now_is_not_removed():
    async def story() -> None:
        world = World(random.Random(3))
        async with world:
            stage = Stage(world)
            await stage.create(SHOP)
            await stage.settled(SHOP)
            unit, key = world.store.rows.units[SHOP], world.edge.target(SHOP, "web")
            assert key is not None
            step = RemoveProcesses(key, unit.generation, Because("retire", "v2 has web", 1))
            applier = Applier(world.store, world.supervisor, world.edge, 10.0)
            assert await applier.apply(unit, step, world.now_s) == ROUTED
            assert not world.supervisor.slots[key].retiring

    run(story(), random.Random(3))


def test_a_route_that_is_another_by_now_is_planned_for_anew():
    """By what it led to a moment ago, what serves by now would be turned away."""

    async def story() -> None:
        world = World(random.Random(3))
        async with world:
            stage = Stage(world)
            await stage.create(SHOP)
            await stage.settled(SHOP)
            unit, now = world.store.rows.units[SHOP], world.edge.routes[SHOP]
            nowhere = tuple(replace(b, target=None) for b in now.route.backends)
            old = replace(now, route=replace(now.route, backends=nowhere))
            step = EnsureRoute(old.route, now.invoke_key, Because("route", "v2 is to come", 1))
            applier = Applier(world.store, world.supervisor, world.edge, 10.0)
            for seen in (old, None):
                assert await applier.apply(unit, step, world.now_s, seen) == REROUTED
            assert world.edge.routes[SHOP] == now

    run(story(), random.Random(3))
