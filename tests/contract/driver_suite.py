"""The contract of drivers.ports.Driver and Edge, as one suite for every implementation.

To run it on a driver, subclass `DriverContract` in a `test_*.py` and give it one fixture:

    class TestLocalDriver(DriverContract):
        @pytest.fixture
        def stage(self) -> Stage: ...

A `Stage` is a fresh world and says how to run and to disturb it:

- `run(story)`: runs the coroutine function `story(driver, edge)` to its end, on whatever loop
  and clock the world has. Both are connected when it begins. It is called once per test.
- `make_order(kind, ...)`: a standing order for a program that this world can really run. For a
  real driver that means a real slug on disk. Two calls with the same arguments give equal orders.
  All are of one app; the bounds' `boot_s_max` may be shortened, nothing else.
  Kinds: `serves` (web, becomes ready), `errs` (web, listens and answers 500 for ever), `exits`
  (ends with code 1 at once), `lingers` (becomes ready, ignores SIGTERM for a while), `works` (a
  worker: ready by running).
- `make_build(good)`: a build request that comes to succeed, or to fail by its own fault.
- `make_job(kind, number, run_s_max)`: the order of a job, each number with an id of its own.
  Kinds: `ends` (with code 0, soon), `fails` (with code 1), `stays` (until it is told to end).
- `starts(job)`: how often anything of it was started so far.
- `kill_one(key)`: an instance of the set dies without the supervisor having asked for it.
- `restart_supervisor()`: the supervisor is killed and comes back; instances live on.
- `deadline_s`, `poll_s`: how long, in the world's own seconds, anything here may take to show.

The suite says nothing about speed. Whatever a driver does within the deadline is in time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal, Protocol, TypeVar

import msgspec
import pytest

from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import DEFAULT_PROBE, Probe
from setpoint.model.errors import Terminal
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.process import Bounds, SetFacts, SetOrder
from setpoint.model.release import Build, BuildRequest
from setpoint.model.retention import Clearance, Removal
from setpoint.model.route import Backend, Route, RouteFacts

JobKind = Literal["ends", "fails", "stays"]
Kind = Literal["serves", "errs", "exits", "lingers", "works"]
Story = Callable[[Driver, Edge], Awaitable[None]]
T = TypeVar("T")


class Stage(Protocol):
    deadline_s: float
    poll_s: float

    def run(self, story: Story) -> None: ...

    def make_order(
        self, kind: Kind, bounds: Bounds = Bounds(1, 1), generation: int = 1
    ) -> SetOrder: ...

    def make_build(self, good: bool) -> BuildRequest: ...

    def make_job(self, kind: JobKind, number: int = 1, run_s_max: float = 3600.0) -> JobOrder: ...

    async def starts(self, job: JobOrder) -> int: ...

    async def kill_one(self, key: SetKey) -> None: ...

    async def restart_supervisor(self) -> None: ...


class DriverContract:
    """Every test is one sentence of the contract."""

    @pytest.fixture
    def stage(self) -> Stage:
        raise NotImplementedError("a driver brings its own stage")

    # --- sets -----------------------------------------------------------------------------

    def test_it_says_what_it_offers(self, stage: Stage):
        async def story(driver: Driver, edge: Edge) -> None:
            offered = await driver.probe()
            assert offered.instances_max >= 1
            assert offered.stack
            assert offered.python

        stage.run(story)

    def test_what_is_applied_is_soon_observed_as_ready(self, stage: Stage):
        order = stage.make_order("serves", Bounds(2, 2))

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            facts = await _until(stage, driver, order.key, _ready(2))
            assert (facts.fence, facts.bounds) == (order.fence, order.bounds)
            assert facts.release == order.spec.release
            assert facts.ever_ready
            assert sorted(i.ordinal for i in facts.ready) == [1, 2]
            assert len({i.id for i in facts.instances}) == 2

        stage.run(story)

    def test_of_some_apps_only_theirs_is_observed(self, stage: Stage):
        order = stage.make_order("serves", Bounds(1, 1))
        app, nobody = order.key.app, AppId("00000000-0000-4000-8000-00000000dead")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await edge.ensure_route(_route(order), None, "")
            await _until(stage, driver, order.key, _ready(1))
            await _until_acked(stage, edge, app)
            assert [s.key for s in (await driver.observe([app, nobody])).sets] == [order.key]
            assert [r.route.app for r in await edge.observe([app, nobody])] == [app]
            for only in ([nobody], []):
                seen = await driver.observe(only)
                assert (seen.sets, seen.builds, seen.jobs) == ((), (), ())
                assert await edge.observe(only) == ()

        stage.run(story)

    def test_everything_is_told_once_a_part_at_a_time(self, stage: Stage):
        route = _route(stage.make_order("serves", Bounds(0, 0)))
        ours = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(5)]

        async def story(edge: Edge) -> None:
            for app in map(AppId, ours):
                hosts = (msgspec.structs.replace(route.backends[0], hosts=(f"{app}.localhost",)),)
                one = msgspec.structs.replace(route, app=app, app_name=app, backends=hosts)
                await edge.ensure_route(one, None, "")
            told = [facts.route.app async for part in edge.everything() for facts in part]
            assert sorted(app for app in told if app in ours) == ours
            for app in map(AppId, ours):
                await edge.remove_route(app, route.fence)

        stage.run(lambda _, edge: story(edge))

    def test_a_worker_is_ready_by_running(self, stage: Stage):
        order = stage.make_order("works")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            facts = await _until(stage, driver, order.key, _ready(1))
            assert facts.key.process == "worker"

        stage.run(story)

    def test_applying_twice_is_nothing(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            before = await _until(stage, driver, order.key, _ready(1))
            acts = len(await driver.acts(0))
            await driver.apply(order, {})
            after = await _set(driver, order.key)
            assert after is not None
            assert [i.id for i in after.instances] == [i.id for i in before.instances]
            assert len(await driver.acts(0)) == acts

        stage.run(story)

    def test_a_newer_fence_alone_replaces_nothing(self, stage: Stage):
        order, newer = stage.make_order("serves"), stage.make_order("serves", generation=2)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            before = await _until(stage, driver, order.key, _ready(1))
            await driver.apply(newer, {})
            after = await _until(stage, driver, order.key, lambda s: s.fence == newer.fence)
            assert [i.id for i in after.instances] == [i.id for i in before.instances]

        stage.run(story)

    def test_bounds_are_kept_up_and_down(self, stage: Stage):
        async def story(driver: Driver, edge: Edge) -> None:
            for generation, count in enumerate((1, 3, 2), start=1):
                order = stage.make_order("serves", Bounds(count, count), generation)
                await driver.apply(order, {})
                await _until(
                    stage,
                    driver,
                    order.key,
                    lambda s, n=count: len(s.live) == n and len(s.ready) == n,
                )

        stage.run(story)

    def test_an_older_fence_is_refused(self, stage: Stage):
        old, new = stage.make_order("serves"), stage.make_order("serves", Bounds(2, 2), 2)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(new, {})
            with pytest.raises(Terminal):
                await driver.apply(old, {})
            with pytest.raises(Terminal):
                await driver.remove(old.key, old.fence)
            facts = await _until(stage, driver, new.key, _ready(2))
            assert not facts.retiring

        stage.run(story)

    def test_a_lower_incarnation_is_older_whatever_its_generation(self, stage: Stage):
        order = stage.make_order("serves")
        now = msgspec.structs.replace(order, fence=Fence(2, 1))
        before = msgspec.structs.replace(order, fence=Fence(1, 99))

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(now, {})
            with pytest.raises(Terminal):
                await driver.apply(before, {})

        stage.run(story)

    def test_removing_what_is_absent_is_success(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.remove(order.key, order.fence)
            assert await _set(driver, order.key) is None

        stage.run(story)

    def test_what_was_removed_before_it_came_does_not_come_late(self, stage: Stage):
        order, later = stage.make_order("serves"), stage.make_order("serves", Bounds(1, 1), 2)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.remove(later.key, later.fence)
            with pytest.raises(Terminal):
                await driver.apply(order, {})
            assert await _set(driver, order.key) is None

        stage.run(story)

    def test_a_removed_set_is_gone_in_the_end(self, stage: Stage):
        order = stage.make_order("serves", Bounds(2, 2))

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(2))
            await driver.remove(order.key, order.fence)
            await driver.remove(order.key, order.fence)
            await _eventually(stage, lambda: _set(driver, order.key), lambda s: s is None)

        stage.run(story)

    def test_what_does_not_heed_sigterm_is_gone_in_the_end_too(self, stage: Stage):
        order = stage.make_order("lingers")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(1))
            await driver.remove(order.key, order.fence)
            facts = await _set(driver, order.key)
            assert facts is None or facts.retiring
            await _eventually(stage, lambda: _set(driver, order.key), lambda s: s is None)

        stage.run(story)

    def test_a_removed_set_may_be_wanted_again(self, stage: Stage):
        order, again = stage.make_order("serves"), stage.make_order("serves", generation=2)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(1))
            await driver.remove(order.key, order.fence)
            await driver.apply(again, {})
            await _until(stage, driver, order.key, lambda s: not s.retiring and len(s.ready) == 1)

        stage.run(story)

    def test_two_sets_of_one_process_do_not_touch_each_other(self, stage: Stage):
        one, other = stage.make_order("serves"), stage.make_order("lingers")
        assert one.key != other.key

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(one, {})
            await driver.apply(other, {})
            await _until(stage, driver, one.key, _ready(1))
            await _until(stage, driver, other.key, _ready(1))
            await driver.remove(one.key, one.fence)
            await _eventually(stage, lambda: _set(driver, one.key), lambda s: s is None)
            facts = await _set(driver, other.key)
            assert facts is not None
            assert len(facts.ready) == 1

        stage.run(story)

    # --- probes -----------------------------------------------------------------------------

    def test_a_page_that_is_an_error_is_told_and_not_ready(self, stage: Stage):
        order = _probed(stage.make_order("errs"), DEFAULT_PROBE)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            facts = await _until(stage, driver, order.key, lambda s: s.last_probe is not None)
            assert facts.last_probe is not None
            assert (facts.last_probe.status, facts.last_probe.fact) == (
                500,
                "answered 500 to GET /",
            )
            assert facts.last_probe.body
            assert not facts.ready
            assert not facts.ever_ready

        stage.run(story)

    def test_a_newer_probe_counts_for_what_is_starting(self, stage: Stage):
        order = _probed(stage.make_order("errs"), DEFAULT_PROBE)
        content = _probed(stage.make_order("errs", generation=2), Probe("/", status_below=501))

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            before = await _until(stage, driver, order.key, lambda s: s.last_probe is not None)
            await driver.apply(content, {})
            after = await _until(stage, driver, order.key, _ready(1))
            assert [i.id for i in after.instances] == [i.id for i in before.instances]
            assert after.last_probe is None

        stage.run(story)

    def test_without_a_probe_listening_is_enough(self, stage: Stage):
        order = stage.make_order("errs")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(1))

        stage.run(story)

    # --- what goes wrong --------------------------------------------------------------------

    def test_an_instance_killed_from_outside_is_replaced_and_told(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            before = await _until(stage, driver, order.key, _ready(1))
            old = before.ready[0].id
            await stage.kill_one(order.key)
            after = await _until(
                stage,
                driver,
                order.key,
                lambda s: len(s.ready) == 1 and s.ready[0].id != old,
            )
            assert after.crashes == 1
            assert after.last_exit is not None
            assert not after.last_exit.expected
            assert any(
                a.verb == "start" and "the last one" in a.because for a in await driver.acts(0)
            )

        stage.run(story)

    def test_what_never_gets_ready_is_given_up_with_its_exit_code(self, stage: Stage):
        order = stage.make_order("exits")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            facts = await _until(stage, driver, order.key, lambda s: s.gave_up)
            assert facts.failures == order.attempts_max
            assert facts.last_exit is not None
            assert facts.last_exit.code == 1
            assert not facts.ever_ready
            assert not facts.live

        stage.run(story)

    def test_facts_and_fences_survive_the_supervisor(self, stage: Stage):
        order, old = stage.make_order("serves", generation=2), stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            before = await _until(stage, driver, order.key, _ready(1))
            acts = await driver.acts(0)
            await stage.restart_supervisor()
            after = await _until(stage, driver, order.key, _ready(1))
            assert [i.id for i in after.instances] == [i.id for i in before.instances]
            assert (after.fence, after.ever_ready) == (before.fence, True)
            with pytest.raises(Terminal):
                await driver.apply(old, {})
            later = await driver.acts(acts[-1].seq)
            assert all(act.seq > acts[-1].seq for act in later), "act numbers never go back"

        stage.run(story)

    def test_acts_are_numbered_in_order_and_read_from_any_number(self, stage: Stage):
        order = stage.make_order("serves", Bounds(2, 2))

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(2))
            acts = await driver.acts(0)
            starts = [a for a in acts if a.verb == "start" and a.app == order.key.app]
            assert len(starts) == 2
            assert all(a.because and a.generation == 1 for a in starts)
            numbers = [a.seq for a in acts]
            assert numbers == sorted(set(numbers))
            assert await driver.acts(numbers[0]) == acts[1:]

        stage.run(story)

    # --- jobs -----------------------------------------------------------------------------

    def test_a_job_runs_once_and_its_end_is_told(self, stage: Stage):
        job = stage.make_job("ends")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.exec(job, {})
            facts = await _until_ended(stage, driver, job)
            assert (facts.app, facts.dyno, facts.state) == (job.app, job.dyno, "ended")
            assert facts.exit is not None
            assert (facts.exit.code, facts.exit.expected) == (0, False)
            assert facts.started_at_s is not None
            assert facts.ended_at_s is not None
            assert await stage.starts(job) == 1

        stage.run(story)

    def test_a_job_that_fails_tells_its_code(self, stage: Stage):
        job = stage.make_job("fails")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.exec(job, {})
            facts = await _until_ended(stage, driver, job)
            assert facts.exit is not None
            assert facts.exit.code == 1

        stage.run(story)

    def test_a_job_id_that_was_seen_is_never_started_again(self, stage: Stage):
        ended, running = stage.make_job("ends", 1), stage.make_job("stays", 2)

        async def story(driver: Driver, edge: Edge) -> None:
            for job in (ended, running):
                await driver.exec(job, {})
                await driver.exec(job, {})
            before = await _until_ended(stage, driver, ended)
            await stage.restart_supervisor()
            for job in (ended, running):
                await driver.exec(job, {})
            assert await _job(driver, ended) == before
            facts = await _job(driver, running)
            assert facts is not None
            assert facts.state == "running"
            assert [await stage.starts(job) for job in (ended, running)] == [1, 1]
            await driver.stop_job(running.app, running.id)
            await _until_ended(stage, driver, running)

        stage.run(story)

    def test_a_job_that_is_stopped_says_that_it_was_asked_to(self, stage: Stage):
        job = stage.make_job("stays")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.exec(job, {})
            await driver.stop_job(job.app, job.id)
            await driver.stop_job(job.app, job.id)
            facts = await _until_ended(stage, driver, job)
            assert facts.exit is not None
            assert facts.exit.expected
            assert not facts.exit.timed_out

        stage.run(story)

    def test_a_job_stopped_before_its_start_is_never_started(self, stage: Stage):
        job = stage.make_job("stays")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.stop_job(job.app, job.id)
            await driver.exec(job, {})
            facts = await _job(driver, job)
            assert facts is not None
            assert (facts.state, facts.exit) == ("ended", None)
            await stage.restart_supervisor()
            await driver.exec(job, {})
            assert (await _until_ended(stage, driver, job)).exit is None
            assert await stage.starts(job) == 0

        stage.run(story)

    def test_a_job_that_takes_too_long_is_ended_and_told_so(self, stage: Stage):
        job = stage.make_job("stays", run_s_max=1.5)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.exec(job, {})
            await stage.restart_supervisor()
            facts = await _until_ended(stage, driver, job)
            assert facts.exit is not None
            assert facts.exit.timed_out

        stage.run(story)

    def test_changes_name_the_app_of_a_job(self, stage: Stage):
        job = stage.make_job("ends")

        async def story(driver: Driver, edge: Edge) -> None:
            heard = asyncio.ensure_future(_hears(driver.changes(), job.app))
            await asyncio.sleep(0)
            await driver.exec(job, {})
            await asyncio.wait_for(heard, stage.deadline_s)

        stage.run(story)

    # --- wakes ----------------------------------------------------------------------------

    def test_changes_name_the_app(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            names = driver.changes()
            heard = asyncio.ensure_future(_hears(names, order.key.app))
            await asyncio.sleep(0)
            await driver.apply(order, {})
            await asyncio.wait_for(heard, stage.deadline_s)

        stage.run(story)

    def test_whoever_listens_anew_is_told_every_known_app_once(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(1))
            await asyncio.wait_for(_hears(driver.changes(), order.key.app), stage.deadline_s)

        stage.run(story)

    # --- builds ---------------------------------------------------------------------------

    def test_a_build_ends_in_a_slug_and_asking_twice_is_one_build(self, stage: Stage):
        request = stage.make_build(good=True)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.build(request)
            await driver.build(request)
            build = await _until_built(stage, driver, request)
            assert build.status == "succeeded"
            assert build.slug is not None
            assert build.slug.processes
            await driver.build(request)
            assert (await _builds(driver, request))[0] == build

        stage.run(story)

    def test_a_build_that_fails_says_why_and_is_not_tried_again(self, stage: Stage):
        request = stage.make_build(good=False)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.build(request)
            build = await _until_built(stage, driver, request)
            assert (build.status, build.user_error) == ("failed", True)
            assert build.message
            await driver.build(request)
            assert (await _builds(driver, request)) == [build]

        stage.run(story)

    def test_dropping_an_app_twice_is_success(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.drop(order.key.app)
            await driver.drop(order.key.app)

        stage.run(story)

    # --- the disk -------------------------------------------------------------------------

    def test_what_a_build_left_is_seen_and_goes_when_it_is_named_and_old_enough(self, stage: Stage):
        request = stage.make_build(good=True)

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.build(request)
            build = await _until_built(stage, driver, request)
            assert build.slug is not None
            stock = await driver.stock()
            layer = next(t for t in stock.things if t.name == build.slug.code)
            result = next(t for t in stock.things if t.kind == "build")
            assert (result.name, result.app, result.source) == (
                request.id, request.app, request.source,
            )  # fmt: skip
            assert layer.name in result.layers
            assert layer.bytes > 0
            assert 0 <= stock.bytes_free <= stock.bytes_total
            removal = Removal(layer.kind, layer.name, layer.bytes, "nobody needs it")
            too_young = await driver.clear(Clearance((removal,), layer.at_s, 1 << 40))
            assert too_young.gone == ()
            assert layer in (await driver.stock()).things
            gone = await driver.clear(Clearance((removal,), layer.at_s + 1, 1 << 40))
            assert gone.gone == (removal,)
            assert layer.name not in [t.name for t in (await driver.stock()).things]
            again = await driver.clear(Clearance((removal,), layer.at_s + 1, 1 << 40))
            assert again.gone == (removal,), "twice is nothing"

        stage.run(story)

    # --- the edge -------------------------------------------------------------------------

    def test_a_route_is_confirmed_and_observed(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await driver.apply(order, {})
            await _until(stage, driver, order.key, _ready(1))  # or the edge has news of it
            route = _route(order)
            await edge.ensure_route(route, None, "")
            facts = await _until_acked(stage, edge, order.key.app)
            assert facts.route == route
            await edge.ensure_route(route, None, "")
            assert (await _route_of(edge, order.key.app)) == facts, "twice is nothing"

        stage.run(story)

    def test_the_same_route_under_a_newer_fence_comes_to_be_confirmed(self, stage: Stage):
        order, newer = stage.make_order("serves"), stage.make_order("serves", generation=2)

        async def story(driver: Driver, edge: Edge) -> None:
            await edge.ensure_route(_route(order), None, "")
            await _until_acked(stage, edge, order.key.app)
            await edge.ensure_route(_route(newer), None, "")
            facts = await _until_acked(stage, edge, order.key.app)
            assert facts.route.fence == newer.fence

        stage.run(story)

    def test_a_newer_fence_does_not_lose_the_confirmation_under_way(self, stage: Stage):
        order, newer = stage.make_order("serves"), stage.make_order("serves", generation=2)

        async def story(driver: Driver, edge: Edge) -> None:
            await edge.ensure_route(_route(order), None, "")
            await edge.ensure_route(_route(newer), None, "")
            facts = await _until_acked(stage, edge, order.key.app)
            assert facts.route.fence == newer.fence

        stage.run(story)

    def test_an_older_route_is_refused(self, stage: Stage):
        old, new = stage.make_order("serves"), stage.make_order("serves", generation=2)

        async def story(driver: Driver, edge: Edge) -> None:
            await edge.ensure_route(_route(new), None, "")
            with pytest.raises(Terminal):
                await edge.ensure_route(_route(old), None, "")
            with pytest.raises(Terminal):
                await edge.remove_route(old.key.app, old.fence)
            facts = await _route_of(edge, old.key.app)
            assert facts is not None
            assert facts.route.fence == new.fence

        stage.run(story)

    def test_removing_a_route_twice_is_success(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            await edge.ensure_route(_route(order), None, "")
            await edge.remove_route(order.key.app, order.fence)
            await edge.remove_route(order.key.app, order.fence)
            await _eventually(
                stage, lambda: _route_of(edge, order.key.app), lambda facts: facts is None
            )

        stage.run(story)

    def test_the_edge_names_the_app_whose_route_was_confirmed(self, stage: Stage):
        order = stage.make_order("serves")

        async def story(driver: Driver, edge: Edge) -> None:
            heard = asyncio.ensure_future(_hears(edge.changes(), order.key.app))
            await asyncio.sleep(0)
            await edge.ensure_route(_route(order), None, "")
            await asyncio.wait_for(heard, stage.deadline_s)

        stage.run(story)


# --- how to wait: poll a condition until the deadline ---------------------------------------


async def _eventually(
    stage: Stage, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]
) -> T:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + stage.deadline_s
    while True:
        seen = await look()
        if good(seen):
            return seen
        assert loop.time() < end_s, f"not within {stage.deadline_s:g} s; last seen: {seen}"
        await asyncio.sleep(stage.poll_s)


async def _until(
    stage: Stage, driver: Driver, key: SetKey, good: Callable[[SetFacts], bool]
) -> SetFacts:
    facts = await _eventually(stage, lambda: _set(driver, key), lambda s: s is not None and good(s))
    assert facts is not None
    return facts


async def _until_built(stage: Stage, driver: Driver, request: BuildRequest) -> Build:
    builds = await _eventually(
        stage,
        lambda: _builds(driver, request),
        lambda found: bool(found) and found[0].status in ("succeeded", "failed"),
    )
    return builds[0]


async def _until_ended(stage: Stage, driver: Driver, job: JobOrder) -> JobFacts:
    facts = await _eventually(
        stage, lambda: _job(driver, job), lambda seen: seen is not None and seen.state != "running"
    )
    assert facts is not None
    return facts


async def _until_acked(stage: Stage, edge: Edge, app: AppId) -> RouteFacts:
    facts = await _eventually(
        stage, lambda: _route_of(edge, app), lambda seen: seen is not None and seen.acked
    )
    assert facts is not None
    return facts


async def _hears(names: AsyncIterator[AppId], app: AppId) -> None:
    async for name in names:
        if name == app:
            return


# --- what is seen -----------------------------------------------------------------------------


async def _set(driver: Driver, key: SetKey) -> SetFacts | None:
    seen = await driver.observe()
    return next((s for s in seen.sets if s.key == key), None)


async def _builds(driver: Driver, request: BuildRequest) -> list[Build]:
    seen = await driver.observe()
    return [b for b in seen.builds if b.id == request.id]


async def _job(driver: Driver, job: JobOrder) -> JobFacts | None:
    seen = await driver.observe()
    return next((j for j in seen.jobs if j.id == job.id), None)


async def _route_of(edge: Edge, app: AppId) -> RouteFacts | None:
    return next(iter(await edge.observe([app])), None)


def _probed(order: SetOrder, probe: Probe) -> SetOrder:
    return msgspec.structs.replace(order, probe=probe)


def _ready(count: int) -> Callable[[SetFacts], bool]:
    return lambda facts: len(facts.ready) == count


def _route(order: SetOrder) -> Route:
    backend = Backend((f"{order.app_name}.localhost",), "web", "web", order.key)
    return Route(order.key.app, order.app_name, (backend,), order.fence)
