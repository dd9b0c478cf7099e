"""The steady collector in the simulated world: how it gets on with trouble."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from setpoint.converge.collector import Collector, Pacing
from setpoint.drivers.ports import Driver
from setpoint.model.errors import StoreError, Transient
from setpoint.model.ids import AppId
from setpoint.model.retention import Retention
from setpoint.store.port import Store
from setpoint.testing.loop import run
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.world import World
from tests.unit.converge.test_loop import Stage

SHOP, API = AppId("0000-shop"), AppId("0000-api")
ONE = Retention(releases=1, grace_s=0.0, builds_s=0.0)
GOOD = [p for p in PROGRAMS if p.builds and p.fate == "ready" and p.release == "none"]


class Stubborn:
    """A part of the world of which one method fails, so many times."""

    def __init__(self, inner: object, name: str, error: Exception, times: int = 1) -> None:
        self._inner, self._name, self._error, self._left = inner, name, error, times

    def __getattr__(self, name: str) -> Any:
        if name == self._name and self._left:
            self._left -= 1
            raise self._error
        return getattr(self._inner, name)


def in_world(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with World(random.Random(7)) as world:
            await story(Stage(world))
            assert world.watch.violations == []

    run(whole(), random.Random(7))


def collector(stage: Stage, store: object = None, driver: object = None, **more: Any) -> Collector:
    tokens = (f"c{n}" for n in range(10**6))
    return Collector(
        cast("Store", store or stage.world.store),
        cast("Driver", driver or stage.world.supervisor),
        now=asyncio.get_running_loop().time,
        luck=lambda: 0.5,
        new_token=lambda: next(tokens),
        log=logging.getLogger("test"),
        **{"retention": ONE, "doubt": lambda: "", **more},
    )


async def two_releases(stage: Stage, id: AppId) -> None:
    from setpoint.model.app import Source

    await stage.create(id, GOOD[0])
    await stage.settled(id)
    await stage.change(id, source=Source(GOOD[1].digest))
    await stage.settled(id)


def kept(stage: Stage, id: AppId) -> list[int]:
    return [r.version for r in stage.world.store.rows.releases[id] if r.slug_kept]


def test_a_release_is_let_go_in_memory_before_its_layer_leaves_the_disk() -> None:
    async def story(stage: Stage) -> None:
        await two_releases(stage, SHOP)
        broken = Stubborn(stage.world.supervisor, "clear", Transient("cannot clear: killed"))
        with pytest.raises(Transient):
            await collector(stage, driver=broken).collect(dry_run=False)
        assert kept(stage, SHOP) == [2]
        assert stage.world.supervisor.disk.has(GOOD[0].digest)
        await collector(stage).collect(dry_run=False)
        assert not stage.world.supervisor.disk.has(GOOD[0].digest)
        assert stage.world.supervisor.disk.has(GOOD[1].digest)

    in_world(story)


def test_the_trouble_of_one_app_ends_nobody_elses() -> None:
    async def story(stage: Stage) -> None:
        await two_releases(stage, SHOP)
        await two_releases(stage, API)
        broken = Stubborn(stage.world.store, "let_go", StoreError("cannot write: busy"))
        done = await collector(stage, store=broken).collect(dry_run=False)
        assert [(g.app, g.version) for g in done.let_go] == [(SHOP, 1)]
        assert (kept(stage, API), kept(stage, SHOP)) == ([2, 1], [2])
        assert stage.world.supervisor.disk.has(GOOD[0].digest), "the other app still needs it"

    in_world(story)


def test_what_it_did_is_an_event_and_stands_in_the_journal_of_the_app() -> None:
    async def story(stage: Stage) -> None:
        await two_releases(stage, SHOP)
        await collector(stage).collect(dry_run=False)
        told = [e for e in stage.world.store.log if e.type == "collected"]
        assert len(told) == 1
        assert b'"let_go":1' in told[0].body
        (entry,) = [e for e in await stage.world.store.journal(SHOP) if e.verb == "let-go"]
        assert (entry.subject, entry.rule) == ("v1", "retention")
        await collector(stage).collect(dry_run=False)
        assert [e for e in stage.world.store.log if e.type == "collected"] == told

    in_world(story)


def test_it_begins_soon_and_goes_on_steadily_whatever_fails() -> None:
    async def story(stage: Stage) -> None:
        await two_releases(stage, SHOP)
        down = Stubborn(stage.world.supervisor, "observe", Transient("cannot look"), times=2)
        pacing = Pacing(first_s=10.0, period_s=100.0, jitter=0.0)
        running = asyncio.create_task(collector(stage, driver=down, pacing=pacing).run())
        await asyncio.sleep(111.0)
        assert kept(stage, SHOP) == [2, 1]
        await asyncio.sleep(100.0)
        assert kept(stage, SHOP) == [2]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    in_world(story)


def test_a_job_keeps_the_release_it_runs_on() -> None:
    async def story(stage: Stage) -> None:
        from setpoint.model.ids import JobId
        from setpoint.model.job import Job

        await two_releases(stage, SHOP)
        store = stage.world.store
        await store.add_job(Job(JobId("1" * 32), SHOP, "run", "run.1", "tidy", 1))
        done = await collector(stage).collect(dry_run=False)
        assert (done.let_go, kept(stage, SHOP)) == ((), [2, 1])

    in_world(story)
