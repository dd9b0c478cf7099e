"""What is collected as nobody's, and what is left alone."""

import asyncio
import random
from typing import cast

import pytest
from msgspec.structs import replace

from setpoint.converge.facts import Facts
from setpoint.converge.orphans import Orphans
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, Digest, Fence, SetKey
from setpoint.store.port import Store, UnitWrite
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.world import World

GRACE_S = 60.0
SHOP = AppId("0000-shop")


class Scene:
    """A world that holds sets of an app which memory does not have."""

    def __init__(self) -> None:
        self.world = World(random.Random(1))
        self.now_s = self.world.now_s
        self._orphans = Orphans(
            cast("Store", self.world.store),
            cast("Driver", self.world.supervisor),
            cast("Edge", self.world.edge),
            now=lambda: self.now_s,
            clock=lambda: self.now_s,
            new_token=lambda: "t",
            grace_s=GRACE_S,
            timeout_s=5.0,
        )

    def plant(self, code: Digest, fence: Fence) -> SetKey:
        order = replace(builders.order(app=SHOP, code=code), fence=fence)
        self.world.supervisor.plant(order)
        return order.key

    async def sweep(self) -> None:
        sets = tuple(slot.facts for slot in self.world.supervisor.slots.values())
        await self._orphans.sweep({SHOP: Facts(sets=sets)})

    @property
    def left(self) -> list[SetKey]:
        return [k for k, slot in self.world.supervisor.slots.items() if not slot.retiring]


def test_an_app_that_memory_comes_to_know_while_orphans_are_collected_is_none():
    async def story() -> None:
        scene = Scene()
        key = scene.plant(PROGRAMS[0].digest, Fence(1, 1))
        await scene.sweep()
        document = builders.intent(SHOP, "shop")
        await scene.world.store.commit(
            builders.asked(scene.now_s), "app.create", "Create", [UnitWrite(document, None)]
        )
        scene.now_s += GRACE_S
        await scene.sweep()
        assert scene.left == [key]
        assert scene.world.store.entries == {}

    run(story(), random.Random(1))


def test_an_older_set_of_a_process_goes_too():
    async def story() -> None:
        scene = Scene()
        scene.plant(PROGRAMS[0].digest, Fence(1, 1))
        scene.plant(PROGRAMS[1].digest, Fence(1, 2))
        await scene.sweep()
        scene.now_s += GRACE_S
        await scene.sweep()
        assert scene.left == []

    run(story(), random.Random(1))


def test_the_newest_stays_until_those_before_it_have_gone(monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        scene = Scene()
        supervisor = scene.world.supervisor
        older = scene.plant(PROGRAMS[0].digest, Fence(1, 1))
        newer = scene.plant(PROGRAMS[1].digest, Fence(1, 2))
        await scene.sweep()
        scene.now_s += GRACE_S

        async def refuse(key: SetKey, fence: Fence) -> None:
            raise Transient("cannot reach the supervisor: it is down")

        with monkeypatch.context() as away:
            away.setattr(supervisor, "remove", refuse)
            await scene.sweep()
        assert scene.left == [older, newer]
        await scene.sweep()
        assert scene.left == []

    run(story(), random.Random(1))


def test_one_of_an_earlier_incarnation_goes_though_a_newer_one_of_that_has_gone():
    async def story() -> None:
        scene = Scene()
        supervisor = scene.world.supervisor
        scene.plant(PROGRAMS[0].digest, Fence(0, 1))
        newer = scene.plant(PROGRAMS[1].digest, Fence(0, 2))
        await supervisor.remove(newer, Fence(0, 2))
        await asyncio.sleep(10.0)
        assert len(supervisor.slots) == 1
        await scene.sweep()
        scene.now_s += GRACE_S
        await scene.sweep()
        assert scene.left == []

    run(story(), random.Random(1))
