"""What the watcher of a simulated run takes for wrong about routes, and what it does not."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from setpoint.model.ids import Digest, SetKey
from setpoint.model.process import Bounds, SetOrder
from setpoint.model.route import Backend, Route
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.world import World

OLD = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
NEW = replace(OLD, key=replace(OLD.key, spec_hash=Digest("b" * 64)))
NEVER_READY = "requests for web went to what never was ready"
Story = Callable[[World], Awaitable[None]]


def to(key: SetKey) -> Route:
    return Route(key.app, "shop", (Backend(("shop.localhost",), "web", "web", key),), OLD.fence)


def play(story: Story, *orders: SetOrder) -> list[str]:
    """What of NEVER_READY was found, of a world with a route to the old set and no daemon."""

    async def main() -> list[str]:
        world = World(random.Random(1))
        for order in orders:
            await world.supervisor.apply(order, {})
        await asyncio.sleep(10.0)
        await world.edge.ensure_route(to(OLD.key), None, "")
        await story(world)
        return [found for found in world.watch.violations if NEVER_READY in found]

    return run(main(), random.Random(1))


async def move_late(world: World) -> None:
    world.watch.arrives_late()
    await world.edge.ensure_route(to(NEW.key), None, "")


def test_nothing_is_moved_to_what_never_was_ready_however_late_it_comes():
    async def story(world: World) -> None:
        await world.supervisor.apply(NEW, {})
        await move_late(world)

    assert len(play(story, OLD)) == 1


def test_what_is_ready_and_has_lost_its_order_may_have_been_ready_before():
    async def story(world: World) -> None:
        world.supervisor.wipe()
        await asyncio.sleep(1.0)
        slots = [world.supervisor.slots[order.key] for order in (OLD, NEW)]
        assert [(slot.ready, slot.ever_ready) for slot in slots] == [(1, False)] * 2
        await move_late(world)

    assert play(story, OLD, NEW) == []
