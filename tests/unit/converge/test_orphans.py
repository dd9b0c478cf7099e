"""What is collected as nobody's, and what is left alone."""

import random
from typing import cast

from setpoint.converge.facts import Facts
from setpoint.converge.orphans import Orphans
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.ids import AppId
from setpoint.store.port import Store, UnitWrite
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.world import World

GRACE_S = 60.0


def test_an_app_that_memory_comes_to_know_while_orphans_are_collected_is_none():
    async def story() -> None:
        world = World(random.Random(1))
        clock = [world.now_s]
        orphans = Orphans(
            cast("Store", world.store),
            cast("Driver", world.supervisor),
            cast("Edge", world.edge),
            now=lambda: clock[0],
            clock=lambda: clock[0],
            new_token=lambda: "t",
            grace_s=GRACE_S,
            timeout_s=5.0,
        )
        order = builders.order(app=AppId("0000-shop"))
        world.supervisor.plant(order)
        unknown = {order.key.app: Facts(sets=(world.supervisor.slots[order.key].facts,))}
        await orphans.sweep(unknown)
        document = builders.intent(order.key.app, "shop")
        await world.store.commit(
            builders.asked(clock[0]), "app.create", "Create", [UnitWrite(document, None)]
        )
        clock[0] += GRACE_S
        await orphans.sweep(unknown)
        assert not world.supervisor.slots[order.key].retiring
        assert world.store.entries == {}

    run(story(), random.Random(1))
