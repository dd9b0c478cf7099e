"""The look right before an effect: what the plan was made from may be old by then."""

import random

from setpoint.converge.applier import ROUTED, Applier
from setpoint.model.change import Because
from setpoint.model.steps import RemoveProcesses
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
