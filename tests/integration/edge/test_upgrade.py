"""A new Envoy takes over from the running one: what `restart envoy` does for an upgrade."""

import pytest

from tests.integration.edge.conftest import Run
from tests.integration.edge.load import Load
from tests.integration.edge.world import World, until


@pytest.fixture(autouse=True)
def hot(world: World) -> None:
    if world.start.base_id is None:
        pytest.skip("needs /dev/shm: without it Envoy is stopped and started")


def test_two_upgrades_under_load_lose_nothing(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("upgraded")
        load = Load(world, "upgraded.localhost")
        await load.more(100)
        for epoch in (1, 2):
            old = world.envoys[-1]
            world.start_envoy(epoch)
            await until(lambda old=old: old.poll() is not None, "the old one to end")
            assert old.returncode == 0
            await load.more(100)
        assert set(await load.end()) == {"200 "}

    run(story())


def test_routes_set_during_a_takeover_reach_both(world: World, run: Run) -> None:
    async def story() -> None:
        old = world.envoys[-1]
        world.start_envoy(epoch=3)
        await world.app("between")
        assert (await world.get("between.localhost")).status == 200
        await until(lambda: old.poll() is not None, "the old one to end")
        assert (await world.get("between.localhost")).status == 200

    run(story())


def test_a_successor_that_dies_early_changes_nothing(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("unchanged")
        load = Load(world, "unchanged.localhost")
        successor = world.start_envoy(epoch=4)
        successor.kill()
        successor.wait()
        await load.more(200)
        old = world.envoys[-2]
        world.start_envoy(epoch=4)
        await until(lambda: old.poll() is not None, "the old one to end")
        await load.more(50)
        assert set(await load.end()) == {"200 "}

    run(story())


def test_after_a_crash_it_starts_afresh(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("afresh")
        world.envoys[-1].kill()
        world.envoys[-1].wait()
        world.start_envoy()
        assert (await world.answers(lambda a: True, "afresh.localhost")).status == 200

    run(story())
