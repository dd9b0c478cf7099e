"""The loop in the simulated world: what it remembers, and what it leaves alone."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, cast

import msgspec
import pytest

from setpoint.converge import loop
from setpoint.converge.diary import Page
from setpoint.converge.footing import Footing
from setpoint.converge.loop import Settings
from setpoint.converge.surveyor import Found, Surveys
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import AppIntent, Formation, SecretRef, Source, Unit, Upkeep
from setpoint.model.capability import Capabilities
from setpoint.model.clock import Mark
from setpoint.model.condition import ConditionType, find
from setpoint.model.errors import StoreError, Terminal, Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.journal import ADRIFT_RULES, Entry
from setpoint.model.observed import Observed, StatusSummary
from setpoint.model.process import SetOrder
from setpoint.model.steps import Plan
from setpoint.planning import planner
from setpoint.store.port import Status, Store, UnitWrite
from setpoint.testing import builders
from setpoint.testing.faults import Life
from setpoint.testing.loop import run
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.world import World
from setpoint.views import drift

SHOP, API = AppId("0000-shop"), AppId("0000-api")
QUICK, _, _, _, UNBUILDABLE, EXITS, HANGS, *_ = PROGRAMS
SECRET = "hunter2-hunter2"


class Stage:
    """A world without faults, and short words for what people do in it."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def create(self, id: AppId, program=QUICK, web: Formation = Formation(1, 1)) -> None:
        name = id.split("-")[1]
        document = builders.intent(id, name, source=program.digest, formation={"web": web})
        await self._commit(document, None)

    async def change(self, id: AppId, secrets: Mapping[str, str] = {}, **fields: object) -> None:
        unit = self.world.store.rows.units[id]
        await self._commit(msgspec.structs.replace(unit.intent, **fields), unit.rev, secrets)

    async def _commit(
        self, document: AppIntent, rev: int | None, secrets: Mapping[str, str] = {}
    ) -> None:
        asked = builders.asked(self.world.now_s)
        await self.world.store.commit(
            asked, "change", "Change", [UnitWrite(document, rev)], secrets
        )
        self.world.wake(document.id)

    async def until(self, good: Callable[[], bool], within_s: float = 300.0) -> None:
        end_s = self.world.now_s + within_s
        while not good():
            assert self.world.now_s < end_s, f"not within {within_s:g} virtual seconds"
            await asyncio.sleep(0.25)

    async def settled(self, id: AppId, within_s: float = 300.0) -> None:
        unit = self.world.store.rows.units[id]
        await self.until(lambda: not self.world.progressing(unit), within_s)

    def offer(self, **capabilities: object) -> None:
        supervisor = self.world.supervisor
        supervisor.capabilities = msgspec.structs.replace(supervisor.capabilities, **capabilities)

    def status(self, id: AppId) -> Status:
        return self.world.store.rows.status[id]

    def says(self, id: AppId, type_: ConditionType):
        condition = find(self.status(id).conditions, type_)
        assert condition is not None
        return condition

    def journal(self, id: AppId, kind: str = "step") -> list[Entry]:
        """Oldest first."""
        entries = self.world.store.entries
        return [entries[n] for n in self.world.store.entries_of[id] if entries[n].kind == kind]

    def ready(self, id: AppId, process: str = "web") -> int:
        slots = self.world.supervisor.slots.items()
        return sum(s.ready for k, s in slots if (k.app, k.process) == (id, process))


def play(story: Callable[[Stage], Awaitable[None]], kind: type[World] = World) -> None:
    async def main() -> None:
        world = kind(random.Random(3))
        async with world:
            await story(Stage(world))
        assert world.watch.violations == []

    run(main(), random.Random(3))


def test_a_deploy_comes_to_serve_and_says_so():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.until(lambda: stage.ready(SHOP) == 1)
        await stage.settled(SHOP)
        assert stage.says(SHOP, ConditionType.READY).status
        assert stage.status(SHOP).observed_generation == 1
        assert stage.world.edge.request(SHOP, "web")

    play(story)


def test_what_a_reboot_ended_is_told_as_that_and_what_an_outsider_takes_after_it_as_drift():
    async def story(stage: Stage) -> None:
        def told() -> list[str]:
            entries = stage.world.store.entries.values()
            return [e.because for e in drift.repairs(entries)]

        await stage.create(SHOP)
        await stage.settled(SHOP)
        stage.world.reboot()
        await stage.until(lambda: stage.ready(SHOP) == 1)
        await stage.settled(SHOP)
        await asyncio.sleep(60.0)
        anew = [e for e in stage.journal(SHOP) if e.rule == "resume"]
        assert [e.because for e in anew] == [
            "the machine was started anew: web of v1 is started again",
            "the machine was started anew: shop is routed again",
        ]
        assert {e.change for e in anew} == {None}
        assert told() == []
        stage.world.edge.lose(SHOP)
        await asyncio.sleep(60.0)
        assert told() == ["shop should be routed and is not"]

    play(story)


def test_a_settled_world_writes_nothing():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.create(API)
        await asyncio.sleep(60.0)
        writes = stage.world.store.writes
        await asyncio.sleep(3600.0)
        assert stage.world.store.writes == writes

    play(story)


def test_what_went_well_is_told_once_by_the_pass_that_follows():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        before = len(await stage.world.store.events(0, 10_000))
        await stage.change(SHOP, maintenance=True)
        await stage.until(lambda: stage.status(SHOP).observed_generation == 2)
        await stage.settled(SHOP)
        told = [e.type for e in (await stage.world.store.events(0, 10_000))[before:]]
        assert told == ["change", "status.changed", "status.changed"]

    play(story)


def test_what_shows_no_effect_is_told_before_it_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    async def story(stage: Stage) -> None:
        obey = stage.world.supervisor.apply

        async def pretend(order: SetOrder, environment: Mapping[str, str]) -> None:
            if order.fence.generation == 1:
                await obey(order, environment)

        monkeypatch.setattr(stage.world.supervisor, "apply", pretend)
        await stage.create(SHOP)
        await stage.settled(SHOP)
        await stage.change(SHOP, formation={"web": Formation(2, 2)})
        await stage.until(lambda: stage.status(SHOP).observed_generation == 2, within_s=1.0)
        assert stage.says(SHOP, ConditionType.PROGRESSING).status

    play(story)


def test_requests_alone_cost_no_commit():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await asyncio.sleep(60.0)
        writes = stage.world.store.writes
        for _ in range(50):
            assert stage.world.edge.request(SHOP, "web")
            await asyncio.sleep(1.0)
        assert stage.world.store.writes == writes

    play(story)


def test_the_journal_tells_each_step_its_reason_its_change_and_its_outcome():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        told = [(e.verb, e.rule, e.state) for e in stage.journal(SHOP)]
        assert told == [
            ("start-build", "build-source", "succeeded"),
            ("ensure-route", "route", "succeeded"),
            ("cut-release", "cut-release", "succeeded"),
            ("ensure-processes", "start", "succeeded"),
            ("ensure-route", "route", "succeeded"),
        ]
        (verdict,) = stage.journal(SHOP, "verdict")
        assert (verdict.subject, verdict.state, verdict.change) == ("v1", "succeeded", 1)
        assert len({e.token for e in stage.world.store.entries.values()}) == len(
            stage.world.store.entries
        )

    play(story)


def test_standing_acts_are_taken_into_the_journal_once():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        running = stage.world.machine.running
        stage.world.machine.end(running[0], 139)
        await asyncio.sleep(120.0)
        acts = stage.journal(SHOP, "act")
        assert [e.verb for e in acts] == ["start", "start"]
        assert acts[1].because.startswith("the last one was killed by signal 11")
        assert len(acts) == len(stage.world.supervisor.act_log)

    play(story)


def test_a_frozen_app_is_left_alone_and_comes_back_by_itself_when_its_time_is_over():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        world = stage.world
        await stage.change(SHOP, upkeep=Upkeep("freeze", world.now_s + 3600.0))
        await stage.settled(SHOP)
        world.machine.end(world.machine.running[0], 137)
        world.edge.lose(SHOP)
        await asyncio.sleep(1800.0)
        assert list(world.machine.running) == []
        assert stage.says(SHOP, ConditionType.STALLED).reason == "Frozen"
        drift = [(e.verb, e.because) for e in stage.journal(SHOP, "act") if e.rule in ADRIFT_RULES]
        assert sorted(drift) == [
            ("drifted", "shop should be routed and is not"),
            ("drifted", "was killed by an outsider (signal 9)"),
        ]
        await asyncio.sleep(1900.0)
        assert world.edge.request(SHOP, "web")
        assert stage.says(SHOP, ConditionType.READY).status
        assert "repaired" in [e.verb for e in stage.journal(SHOP, "act")]

    play(story)


def test_no_clock_that_jumps_ahead_ends_a_freeze_whoever_dies_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
):
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        world = stage.world
        await stage.change(SHOP, upkeep=Upkeep("freeze", world.now_s + 3600.0))
        await stage.settled(SHOP)
        marked = world.store.marked

        async def late() -> Mark | None:
            """A daemon that has just begun does not know of the jump yet."""
            await asyncio.sleep(20.0)
            return await marked()

        monkeypatch.setattr(world.store, "marked", late)
        world.set_clock(2 * 3600.0)
        world.machine.end(world.machine.running[0], 137)
        assert world.life is not None
        world.life.died.set()
        world.supervisor.crash()
        world.supervisor.restart()
        await asyncio.sleep(1800.0)
        assert list(world.machine.running) == []
        assert stage.says(SHOP, ConditionType.STALLED).reason == "Frozen"
        await asyncio.sleep(1900.0)
        assert stage.ready(SHOP) == 1

    play(story)


def test_the_status_keeps_what_was_last_seen():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP, web=Formation(25, 25))
        await stage.until(lambda: stage.ready(SHOP) == 20)
        await stage.settled(SHOP)
        summary = msgspec.json.decode(stage.status(SHOP).summary, type=StatusSummary)
        assert [u.path for u in summary.unmet] == ["formation.web.max"]
        assert len(summary.sets[0].ready) == 20
        assert summary.route is not None
        assert summary.route.acked

    play(story)


def test_two_apps_that_trade_hosts_at_one_moment_both_have_them():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.create(API)
        await stage.change(SHOP, domains=("one.example",))
        await stage.change(API, domains=("two.example",))
        await stage.settled(SHOP)
        await stage.settled(API)
        for app in (SHOP, API):
            await stage.change(app, domains=())
        await stage.change(SHOP, domains=("two.example",))
        await stage.change(API, domains=("one.example",))
        await stage.settled(SHOP)
        await stage.settled(API)
        assert "two.example" in stage.world.edge.hosts(SHOP)
        assert "one.example" in stage.world.edge.hosts(API)

    play(story)


def test_since_moves_only_when_a_status_flips():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        since_s = stage.says(SHOP, ConditionType.READY).since_s
        await asyncio.sleep(100.0)
        await stage.change(SHOP, formation={"web": Formation(1, 1), "worker": Formation(1, 1)})
        await stage.until(lambda: stage.ready(SHOP, "worker") == 1)
        await stage.settled(SHOP)
        assert stage.status(SHOP).observed_generation == 2
        assert stage.says(SHOP, ConditionType.ACCEPTED).since_s < since_s

    play(story)


def test_a_failed_release_is_a_condition_with_its_reason():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        await stage.change(SHOP, source=Source(EXITS.digest))
        await stage.until(lambda: stage.says(SHOP, ConditionType.STALLED).status)
        assert "exited with code 1" in stage.says(SHOP, ConditionType.STALLED).message
        await stage.settled(SHOP)
        assert stage.ready(SHOP) == 1

    play(story)


def test_one_app_whose_driver_hangs_delays_no_other():
    async def story(stage: Stage) -> None:
        stage.world.faults.sick.add(SHOP)
        await stage.create(SHOP)
        await stage.until(lambda: len(stage.journal(SHOP)) > 0)
        await stage.create(API)
        started_s = stage.world.now_s
        await stage.until(lambda: stage.ready(API) == 1, within_s=15.0)
        await stage.settled(API, within_s=5.0)
        assert stage.world.now_s - started_s < 20.0
        assert stage.ready(SHOP) == 0

    play(story)


def test_a_hanging_driver_is_told_as_retrying_and_recovers():
    async def story(stage: Stage) -> None:
        stage.world.faults.sick.add(SHOP)
        await stage.create(SHOP)
        await stage.until(lambda: any(e.state == "unknown" for e in stage.journal(SHOP)))
        await stage.until(lambda: stage.says(SHOP, ConditionType.PROGRESSING).reason == "Retrying")
        assert "no answer within" in stage.says(SHOP, ConditionType.PROGRESSING).message
        stage.world.faults.sick.clear()
        await stage.until(lambda: stage.ready(SHOP) == 1)

    play(story)


def test_a_step_refused_for_good_is_stalled_and_not_repeated(monkeypatch: pytest.MonkeyPatch):
    async def story(stage: Stage) -> None:
        async def refuse(order: SetOrder, environment: Mapping[str, str]) -> None:
            raise Terminal("cannot start web: the disk is read-only")

        monkeypatch.setattr(stage.world.supervisor, "apply", refuse)
        await stage.create(SHOP)
        await stage.until(
            lambda: (
                SHOP in stage.world.store.rows.status
                and stage.says(SHOP, ConditionType.STALLED).status
            )
        )
        assert stage.says(SHOP, ConditionType.STALLED).message.endswith("the disk is read-only")
        tried = len([e for e in stage.journal(SHOP) if e.verb == "ensure-processes"])
        await asyncio.sleep(300.0)
        again = len([e for e in stage.journal(SHOP) if e.verb == "ensure-processes"])
        assert tried == again == 1

    play(story)


def test_a_change_of_intent_makes_a_refused_step_worth_another_try(
    monkeypatch: pytest.MonkeyPatch,
):
    async def story(stage: Stage) -> None:
        apply = stage.world.supervisor.apply

        async def refuse_two(order: SetOrder, environment: Mapping[str, str]) -> None:
            if order.bounds.min == 2:
                raise Terminal("cannot start web: two are too many")
            await apply(order, environment)

        monkeypatch.setattr(stage.world.supervisor, "apply", refuse_two)
        await stage.create(SHOP, web=Formation(2, 2))
        await stage.until(lambda: any(e.state == "failed" for e in stage.journal(SHOP)))
        await stage.change(SHOP, formation={"web": Formation(1, 1)})
        await stage.until(lambda: stage.ready(SHOP) == 1)
        await stage.settled(SHOP)
        assert not stage.says(SHOP, ConditionType.STALLED).status

    play(story)


def test_a_transient_error_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    async def story(stage: Stage) -> None:
        apply, tries = stage.world.supervisor.apply, []

        async def flaky(order: SetOrder, environment: Mapping[str, str]) -> None:
            tries.append(order)
            if len(tries) < 4:
                raise Transient("cannot reach the supervisor: connection refused")
            await apply(order, environment)

        monkeypatch.setattr(stage.world.supervisor, "apply", flaky)
        await stage.create(SHOP)
        await stage.until(lambda: stage.ready(SHOP) == 1)
        states = [e.state for e in stage.journal(SHOP) if e.verb == "ensure-processes"]
        assert states == ["failed", "failed", "failed", "succeeded"]

    play(story)


def test_what_comes_after_a_step_that_failed_is_not_tried_in_that_pass(
    monkeypatch: pytest.MonkeyPatch,
):
    async def story(stage: Stage) -> None:
        apply, maintained = stage.world.supervisor.apply, []

        async def flaky(order: SetOrder, environment: Mapping[str, str]) -> None:
            if order.bounds.min == 2:
                maintained.append(stage.world.edge.routes[SHOP].route.maintenance)
                if len(maintained) == 1:
                    raise Transient("cannot reach the supervisor: connection refused")
            await apply(order, environment)

        monkeypatch.setattr(stage.world.supervisor, "apply", flaky)
        await stage.create(SHOP)
        await stage.settled(SHOP)
        await stage.change(SHOP, maintenance=True, formation={"web": Formation(2, 2)})
        await stage.settled(SHOP)
        assert maintained == [False, False]
        assert [e.verb for e in stage.journal(SHOP) if e.state == "refused"] == ["ensure-route"]

    play(story)


def test_a_bug_in_one_apps_pass_ends_that_pass_and_no_other(monkeypatch: pytest.MonkeyPatch):
    planned = loop.make_plan

    def broken(unit, *others):
        if unit.id == SHOP:
            raise ZeroDivisionError("a bug")
        return planned(unit, *others)

    async def story(stage: Stage) -> None:
        monkeypatch.setattr(loop, "make_plan", broken)
        await stage.create(SHOP)
        await stage.create(API)
        await stage.until(lambda: stage.ready(API) == 1)
        await stage.settled(API)
        assert all("ZeroDivisionError" in v for v in stage.world.watch.violations)
        assert stage.world.watch.violations
        stage.world.watch.violations.clear()
        monkeypatch.undo()
        await stage.until(lambda: stage.ready(SHOP) == 1)
        stage.world.watch.violations.clear()

    play(story)


def test_config_reaches_the_instance_and_no_page_of_the_journal():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        ref = SecretRef("greeting", 1)
        await stage.change(SHOP, {"greeting@1": SECRET}, config={"GREETING": ref})
        await stage.until(lambda: len(stage.world.store.rows.releases[SHOP]) == 2)
        await stage.settled(SHOP)
        (slot,) = stage.world.supervisor.slots.values()
        assert slot.environment == {"GREETING": SECRET}
        told = msgspec.json.encode(list(stage.world.store.entries.values()))
        assert SECRET.encode() not in told + stage.status(SHOP).summary

    play(story)


def test_a_destroyed_app_leaves_nothing_and_is_forgotten():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP)
        await stage.settled(SHOP)
        await stage.change(SHOP, deleted=True)
        await stage.until(lambda: SHOP not in stage.world.store.rows.units)
        assert stage.world.supervisor.slots == {}
        assert stage.world.edge.routes == {}
        assert SHOP in stage.world.supervisor.dropped
        assert stage.journal(SHOP)[-1].verb == "forget-app"
        assert stage.journal(SHOP)[-1].state == "succeeded"

    play(story)


def test_an_orphan_is_collected_after_its_grace_with_an_entry_that_says_so():
    async def story(stage: Stage) -> None:
        orphan = AppId("orphan")
        order = builders.order(app=orphan, code=QUICK.digest)
        stage.world.supervisor.plant(order)
        await asyncio.sleep(45.0)
        assert SetKey(orphan, "web", QUICK.digest) in stage.world.supervisor.slots
        await stage.until(lambda: stage.world.supervisor.slots == {}, within_s=120.0)
        (entry,) = stage.journal(orphan)
        assert (entry.verb, entry.rule, entry.state) == ("remove-processes", "orphan", "succeeded")

    play(story)


def test_a_hanging_start_fails_the_release_after_its_boot_time():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP, HANGS, web=Formation(1, 1, boot_s_max=20.0))
        await stage.until(lambda: bool(stage.world.store.rows.releases.get(SHOP)))
        await stage.until(lambda: stage.world.store.rows.releases[SHOP][0].status == "failed", 60.0)
        message = stage.world.store.rows.releases[SHOP][0].message
        assert message.splitlines()[0] == "web did not listen on $PORT within 20 s"

    play(story)


def test_a_failed_build_is_not_asked_for_again():
    async def story(stage: Stage) -> None:
        await stage.create(SHOP, UNBUILDABLE)
        await stage.until(lambda: bool(stage.world.store.rows.builds.get(SHOP)))
        await stage.settled(SHOP)
        await stage.change(SHOP, formation={"web": Formation(2, 2)})
        await asyncio.sleep(120.0)
        assert [e.verb for e in stage.journal(SHOP)].count("start-build") == 1

    play(story)


def test_a_command_that_arrives_after_people_changed_their_minds_back_is_refused(
    monkeypatch: pytest.MonkeyPatch,
):
    """web=0, its removal hangs on the way; web=1 again; then the removal arrives after all."""

    async def story(stage: Stage) -> None:
        supervisor, held = stage.world.supervisor, []
        remove = supervisor.remove

        async def hang(key: SetKey, fence: Fence) -> None:
            held.append((key, fence))
            await asyncio.Event().wait()

        await stage.create(SHOP)
        await stage.settled(SHOP)
        monkeypatch.setattr(supervisor, "remove", hang)
        await stage.change(SHOP, formation={"web": Formation(0, 0)})
        await stage.until(lambda: held != [])
        await stage.change(SHOP, formation={"web": Formation(1, 1)})
        await stage.settled(SHOP)
        assert stage.ready(SHOP) == 1
        with pytest.raises(Terminal):
            await remove(*held[0])
        assert stage.ready(SHOP) == 1

    play(story)


class Wired:
    """Whoever looks at everything, at the other end of a line, as in a process of its own."""

    def __init__(self, surveyor: Surveys) -> None:
        self._surveyor = surveyor

    async def survey(self, page: Page) -> Found:
        found = await self._surveyor.survey(_sent(page, Page))
        return _sent(found, Found)


T = TypeVar("T")


def _sent(message: T, kind: type[T]) -> T:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=kind)


class WorldApart(World):
    def _daemon(self, life: Life, footing: Footing) -> loop.Loop:
        daemon = super()._daemon(life, footing)
        daemon._surveyor = Wired(daemon._surveyor)
        return daemon


@pytest.mark.parametrize("kind", [World, WorldApart])
def test_other_offers_are_looked_at_by_those_that_wanted_them_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, kind: type[World]
):
    planned: list[str] = []

    def noted(unit: Unit, observed: Observed, offers: Capabilities, now_s: float) -> Plan:
        planned.append(unit.name)
        return planner.plan(unit, observed, offers, now_s)

    monkeypatch.setattr(loop, "make_plan", noted)
    wanted = {"shop": 4, "mall": 5, "fair": 3, "api": 1, "blog": 2}

    async def looked_at(stage: Stage, **offers: object) -> set[str]:
        """Who is, in three periods after these are offered."""
        planned.clear()
        stage.offer(**offers)
        await asyncio.sleep(3 * Settings().period_s)
        return set(planned)

    async def story(stage: Stage) -> None:
        stage.offer(instances_max=2)
        for name, most in wanted.items():
            await stage.create(AppId(f"0000-{name}"), web=Formation(most, most))
        for name in wanted:
            await stage.settled(AppId(f"0000-{name}"))
        assert not stage.says(SHOP, ConditionType.SATISFIABLE).status
        assert stage.ready(SHOP) == 2
        await asyncio.sleep(3 * Settings().period_s)
        assert await looked_at(stage) == set(), "who is at rest, and is as it was, needs no look"
        assert await looked_at(stage, memory_bytes=2**40) == set()
        assert await looked_at(stage, python_version="3.15", node_versions=("26",)) == set()
        assert await looked_at(stage, instances_max=3) == {"shop", "mall", "fair"}
        assert stage.ready(SHOP) == 3
        assert stage.says(SHOP, ConditionType.SATISFIABLE).message.endswith("offered 3")
        assert await looked_at(stage, instances_max=4) == {"shop", "mall"}
        assert await looked_at(stage, instances_max=40) == {"mall"}
        assert await looked_at(stage, instances_max=2) == {"shop", "mall", "fair"}
        assert stage.ready(SHOP) == 2
        assert await looked_at(stage, stack="another") == set(wanted)

    play(story, kind)


class Deaf:
    """Who looks at everything: the second time it cannot, the fourth time it breaks."""

    def __init__(self) -> None:
        self.pages: list[Page] = []

    async def survey(self, page: Page) -> Found:
        self.pages.append(page)
        if len(self.pages) == 2:
            raise StoreError("cannot read from the store: it is away")
        if len(self.pages) == 4:
            raise RuntimeError("a bug")
        return Found([], {})


def test_what_a_survey_that_failed_was_told_is_told_to_the_next_one():
    async def story(stage: Stage) -> None:
        world, deaf = stage.world, Deaf()
        await stage.create(SHOP)
        tokens = itertools.count()
        real = loop.Loop(
            cast("Store", world.store),
            cast("Driver", world.supervisor),
            cast("Edge", world.edge),
            now=lambda: world.now_s,
            luck=random.Random(1).random,
            new_token=lambda: f"t{next(tokens)}",
            log=logging.getLogger("test"),
            surveys=deaf,
        )
        work = asyncio.create_task(real.run())
        await asyncio.sleep(1.0)
        real.wake(SHOP)
        await asyncio.sleep(5 * Settings().period_s)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        _, lost, again, broke, after, *_ = deaf.pages
        assert lost.rests[SHOP] is not None
        assert again == lost
        assert broke == Page()
        assert after == Page(all_ended=True), "nobody knows how much of it was read"

    play(story)
