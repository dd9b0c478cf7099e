"""Drains in virtual time: whatever receivers, the supervisor and this process do, lines arrive in
their order, and of those that cannot it is said how many."""

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from setpoint.converge import backlog, shippers, shipping
from setpoint.converge.shippers import Shippers
from setpoint.converge.shipping import Ports
from setpoint.formats.control import LogLine
from setpoint.model.app import AppIntent, Drain, SecretRef
from setpoint.model.drain import Frame, Shipped
from setpoint.model.errors import Terminal, Transient
from setpoint.model.ids import AppId
from setpoint.model.log import EVERYTHING, LogFilter
from setpoint.planning import drains as planning
from setpoint.store.port import UnitWrite
from setpoint.testing.loop import SimLoop
from setpoint.testing.loop import run as run_in
from setpoint.testing.store import SimStore
from tests.support.memory import SHOP, asked, created, shop

URL = "https://me:hunter2@logs.example.com/in"


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Log:
    """One app's, as the supervisor keeps it: `kept` lines at most. Implements ports.Tails."""

    kept: int = 10_000
    lines: list[LogLine] = field(default_factory=list[LogLine])
    away: bool = False
    streams: int = 0
    _new: asyncio.Event = field(default_factory=asyncio.Event)
    _all: int = 0

    def say(self, *texts: str, dyno: str = "web.1") -> None:
        self.add([LogLine(now(), "app", dyno, text) for text in texts])

    def add(self, lines: Sequence[LogLine]) -> None:
        self.lines = [*self.lines, *lines][-self.kept :]
        self._all += len(lines)
        self._ring()

    def leave(self) -> None:
        self.away = True
        self._ring()

    def _ring(self) -> None:
        self._new.set()
        self._new = asyncio.Event()

    async def logs(
        self, app: AppId, lines: int, follow: bool, only: LogFilter = EVERYTHING
    ) -> AsyncIterator[LogLine]:
        if self.away:
            raise Transient("cannot follow the log: nobody is there")
        self.streams += 1
        told = self._all
        for line in [line for line in self.lines if line.kept_by(only)][-lines:]:
            yield line
        while follow:
            if told == self._all:
                await self._new.wait()
            if self.away:
                raise Transient("cannot follow the log: nobody is there")
            fresh, told = self.lines[len(self.lines) - (self._all - told) :], self._all
            for line in fresh:
                if line.kept_by(only):
                    yield line

    async def build_output(self, build: object, follow: bool) -> AsyncIterator[bytes]:
        yield b""


Answer = str | Exception
"""'' takes it; text refuses it for ever; an error is one to try again after."""


@dataclass
class Receiver:
    """`answers`: to each attempt, in turn; then `always`. `holds`: an attempt lasts until then."""

    host: str = "host"
    linger_s: float = 1.0
    answers: list[Answer] = field(default_factory=list[Answer])
    always: Answer = ""
    holds: asyncio.Event | None = None
    taken: list[Frame] = field(default_factory=list[Frame])
    tried: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    async def send(self, frame: Frame) -> str:
        self.tried.append((now(), frame.id))
        if self.holds is not None:
            await self.holds.wait()
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            self.taken.append(frame)
        return answer

    def close(self) -> None:
        pass

    @property
    def texts(self) -> list[str]:
        return [
            m.decode().rstrip("\n").rpartition(" - ")[2] for f in self.taken for m in f.messages
        ]


AWAY = Transient("cannot send to https://logs.example.com: it answers 503")


@dataclass
class Scene:
    """A store with an app, its log, and one receiver per drain. `daemon` is what may be killed."""

    store: SimStore
    log: Log
    receivers: dict[str, Receiver] = field(default_factory=dict[str, Receiver])
    urls: dict[str, str] = field(default_factory=dict[str, str])
    ids: int = 0
    daemon: asyncio.Task[None] | None = None
    luck: Callable[[], float] = lambda: 0.5

    def _id(self) -> str:
        self.ids += 1
        return f"frame-{self.ids}"

    async def _write(self, app: AppId, lines: Sequence[LogLine]) -> None:
        assert app == SHOP
        self.log.add(lines)

    def start(self) -> None:
        ports = Ports(self.log, self._write, now, asyncio.sleep, self.luck, self._id)

        def sink(drain: str, url: str) -> Receiver:
            self.urls[drain] = url
            return self.receivers.setdefault(drain, Receiver())

        ships = Shippers(self.store, sink, ports, logging.getLogger("test"))
        self.daemon = asyncio.create_task(ships.run())

    async def end(self) -> None:
        """In order: what was done is remembered."""
        assert self.daemon is not None
        self.daemon.cancel()
        await asyncio.gather(self.daemon, return_exceptions=True)

    async def kill(self) -> None:
        """Nothing is written down any more."""
        writes, self.store.record_shipped = self.store.record_shipped, _nothing
        await self.end()
        self.store.record_shipped = writes

    async def drains(self, *ids: str) -> None:
        unit = await self.store.unit(SHOP)
        assert unit is not None
        kept = {id: d for id, d in unit.intent.drains.items() if id in ids}
        new = {
            id: Drain("https://logs.example.com", SecretRef(f"s-{id}", 1), now())
            for id in ids
            if id not in kept
        }
        intent = msgspec.structs.replace(unit.intent, drains={**kept, **new})
        secrets = {drain.url.key: URL for drain in new.values()}
        said, write = asked("why not", now()), UnitWrite(intent, unit.rev)
        await self.store.commit(said, "add a log drain to", "Add", [write], secrets)

    async def state(self, drain: str = "a") -> Shipped:
        return next(s for s in await self.store.shipped(SHOP) if s.drain == drain)


async def _nothing(states: Sequence[Shipped], gone: Sequence[str] = ()) -> None:
    return None


Story = Callable[[Scene], Awaitable[None]]


def played(story: Story, **log: int) -> None:
    async def whole() -> None:
        store = SimStore()
        await created(store, shop())
        scene = Scene(store, Log(**log))
        await story(scene)
        if scene.daemon is not None:
            await scene.end()

    run_in(whole(), random.Random(1))


def numbered(first: int, last: int) -> list[str]:
    return [f"line {n}" for n in range(first, last + 1)]


def test_lines_are_sent_in_batches_from_when_the_drain_was_added() -> None:
    async def story(scene: Scene) -> None:
        scene.log.say("before there was a drain")
        await asyncio.sleep(5)
        await scene.drains("a")
        scene.start()
        await asyncio.sleep(2)
        scene.log.say(*numbered(1, 3))
        await asyncio.sleep(3)
        scene.log.say("line 4")
        await asyncio.sleep(3)
        receiver = scene.receivers["a"]
        assert receiver.texts == numbered(1, 4)
        assert [len(f.messages) for f in receiver.taken] == [3, 1]
        assert scene.urls == {"a": URL}
        state = await scene.state()
        assert (state.delivered, state.dropped, state.retries, state.error) == (4, 0, 0, "")

    played(story)


def test_what_is_not_taken_is_sent_again_with_the_same_id_ever_more_slowly() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.receivers["a"] = Receiver(answers=[AWAY] * 9)
        scene.start()
        scene.log.say("one")
        await asyncio.sleep(400)
        receiver = scene.receivers["a"]
        assert receiver.texts == ["one"]
        assert len({id for _, id in receiver.tried}) == 1
        times = [at_s for at_s, _ in receiver.tried]
        waits = [after - before for before, after in itertools.pairwise(times)]
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        state = await scene.state()
        assert (state.retries, state.failing_since_s, state.error) == (9, None, "")

    played(story)


def test_those_that_failed_together_are_not_tried_again_together() -> None:
    assert {planning.again_s(3, luck / 10) for luck in range(11)} > {3.0, 5.0}
    assert planning.again_s(10_000, 1.0) == 75.0


def test_what_is_refused_is_dropped_and_said_with_what_comes_next() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.receivers["a"] = Receiver(answers=["https://logs.example.com answers 400"])
        scene.start()
        scene.log.say(*numbered(1, 3))
        await asyncio.sleep(5)
        state = await scene.state()
        assert (state.delivered, state.dropped) == (0, 3)
        assert state.error == "https://logs.example.com answers 400"
        scene.log.say("line 4")
        await asyncio.sleep(5)
        lost, *rest = scene.receivers["a"].texts
        assert "Error L10 (output buffer overflow): 3 messages dropped since 2023-11-14T" in lost
        assert rest == ["line 4"]
        state = await scene.state()
        assert (state.delivered, state.dropped, state.error) == (1, 3, "")

    played(story)


def test_a_full_backlog_drops_the_oldest_and_says_so_there_and_in_the_apps_own_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "LINES_MAX", 100)

    async def story(scene: Scene) -> None:
        await scene.drains("a")
        held = asyncio.Event()
        scene.receivers["a"] = Receiver(answers=[AWAY] * 3, holds=held)
        scene.start()
        scene.log.say("line 1")
        await asyncio.sleep(3)
        scene.log.say(*numbered(2, 251))
        await asyncio.sleep(3)
        assert (await scene.state()).dropped == 150
        held.set()
        await asyncio.sleep(30)
        texts = scene.receivers["a"].texts
        assert texts[0] == "line 1"
        assert "Error L10 (output buffer overflow): 150 messages dropped since " in texts[1]
        assert texts[2:] == numbered(152, 251)
        state = await scene.state()
        assert (state.delivered, state.dropped) == (101, 150)
        own = [line for line in scene.log.lines if line.dyno == "logplex"]
        assert [line.source for line in own] == ["heroku"]
        assert "150 messages dropped since" in own[0].text
        assert own[0].text.endswith("; drain d.a")

    played(story)


def test_what_was_dropped_stays_counted_while_that_is_not_taken_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "LINES_MAX", 10)

    async def story(scene: Scene) -> None:
        await scene.drains("a")
        held = asyncio.Event()
        scene.receivers["a"] = Receiver(answers=[""], always=AWAY, holds=held)
        scene.start()
        scene.log.say("line 1")
        await asyncio.sleep(3)
        scene.log.say(*numbered(2, 31))
        held.set()
        await asyncio.sleep(30)
        state = await scene.state()
        assert (state.delivered, state.dropped, state.unsaid) == (1, 20, 20)
        scene.receivers["a"].always = ""
        await asyncio.sleep(90)
        state = await scene.state()
        assert (state.delivered, state.dropped, state.unsaid) == (11, 20, 0)

    played(story)


def test_no_drain_holds_up_another_and_their_backlogs_are_bounded_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "FAIR_BYTES", 1_000)

    async def story(scene: Scene) -> None:
        await scene.drains("a", "b")
        scene.receivers["a"] = Receiver(holds=asyncio.Event())
        scene.start()
        for number in range(50):
            scene.log.say(f"line {number} " + "x" * 1_000)
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert len(scene.receivers["b"].texts) == 50
        assert scene.receivers["a"].taken == []

    played(story)
    room = backlog.Room(3_000)
    both = [backlog.Backlog("host", room) for _ in range(2)]
    for number in range(20):
        for each in both:
            line = LogLine(1.0, "app", "web.1", f"{number} " + "x" * 500)
            each.put(line, shipping._behind(None, line))
    assert room.taken <= 3_000 + 600
    assert all(0 < len(each) < 20 and each.lost for each in both)
    for each in both:
        each.clear()
    assert room.taken == 0


def test_after_a_restart_in_order_nothing_is_lost_and_nothing_comes_twice() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        scene.log.say(*numbered(1, 5))
        await asyncio.sleep(5)
        await scene.end()
        scene.log.say(*numbered(6, 9))
        await asyncio.sleep(50)
        scene.start()
        await asyncio.sleep(5)
        scene.log.say("line 10")
        await asyncio.sleep(5)
        assert scene.receivers["a"].texts == numbered(1, 10)
        assert (await scene.state()).delivered == 10

    played(story)


def test_equal_lines_of_one_instant_are_told_apart_by_their_number() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.receivers["a"] = Receiver(linger_s=0.0)
        scene.start()
        scene.log.say("same", "same", "same")
        await asyncio.sleep(3)
        await scene.end()
        scene.start()
        await asyncio.sleep(3)
        scene.log.say("same", "other")
        await asyncio.sleep(3)
        assert scene.receivers["a"].texts == ["same", "same", "same", "same", "other"]

    played(story)


@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.2, 1.8, 2.6, 3.9])
def test_killed_at_any_moment_it_loses_nothing_and_repeats_a_second_at_most(after_s: float) -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        for number in range(1, 11):
            scene.log.say(f"line {number}")
            await asyncio.sleep(0.4)
            if number == 4:
                await asyncio.sleep(after_s)
                await scene.kill()
                scene.start()
        await asyncio.sleep(5)
        texts = scene.receivers["a"].texts
        assert list(dict.fromkeys(texts)) == numbered(1, 10)
        assert len(texts) <= 10 + 4

    played(story)


def test_a_late_line_of_the_router_is_not_lost_over_a_restart() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        await asyncio.sleep(10)
        scene.log.say("first")
        await asyncio.sleep(3)
        await scene.end()
        scene.log.add([LogLine(now() - 8, "heroku", "router", "late")])
        scene.start()
        await asyncio.sleep(3)
        assert scene.receivers["a"].texts == ["first", "late"]

    played(story)


def test_what_was_forgotten_meanwhile_is_said_to_be_missing() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        scene.log.say("line 1")
        await asyncio.sleep(3)
        await scene.end()
        await asyncio.sleep(1)
        scene.log.say(*numbered(2, 100))
        scene.start()
        await asyncio.sleep(3)
        first, lost, *rest = scene.receivers["a"].texts
        assert first == "line 1"
        assert "an unknown number of messages dropped since" in lost
        assert rest == numbered(91, 100)

    played(story, kept=10)


def test_it_reads_on_once_the_supervisor_is_back() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        scene.log.say("line 1")
        await asyncio.sleep(3)
        scene.log.leave()
        await asyncio.sleep(30)
        scene.log.away = False
        scene.log.say("line 2")
        await asyncio.sleep(3)
        assert scene.receivers["a"].texts == ["line 1", "line 2"]

    played(story)


def test_a_drain_that_is_removed_ends_and_is_forgotten_and_an_app_without_costs_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a", "b")
        scene.start()
        scene.log.say("one")
        await asyncio.sleep(3)
        await scene.drains("b")
        await asyncio.sleep(3)
        scene.log.say("two")
        await asyncio.sleep(3)
        assert scene.receivers["a"].texts == ["one"]
        assert scene.receivers["b"].texts == ["one", "two"]
        assert [s.drain for s in await scene.store.shipped()] == ["b"]
        await scene.drains()
        await asyncio.sleep(3)
        assert await scene.store.shipped() == ()
        writes, streams = scene.store.writes, scene.log.streams
        await asyncio.sleep(600)
        assert (scene.store.writes, scene.log.streams) == (writes, streams)

    played(story)


def test_what_drains_did_is_forgotten_when_they_went_while_nobody_looked() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.start()
        scene.log.say("one")
        await asyncio.sleep(3)
        await scene.end()
        await scene.drains()
        scene.start()
        await asyncio.sleep(3)
        assert await scene.store.shipped() == ()

    played(story)


def test_a_drain_that_breaks_is_begun_again_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        scene.receivers["a"] = Receiver(answers=[ZeroDivisionError("a bug")])
        scene.start()
        scene.log.say("one")
        await asyncio.sleep(8)
        assert scene.receivers["a"].texts == ["one"]

    played(story)
    assert [record.message for record in caplog.records] == ["drain.broke"]


def test_failing_for_long_is_a_condition_and_a_moment_is_none() -> None:
    async def story(scene: Scene) -> None:
        await scene.drains("a")
        error = Terminal("cannot reach logs.example.com: 10.0.0.1 is not a public address")
        scene.receivers["a"] = Receiver(always=error)
        scene.start()
        scene.log.say("one")
        await asyncio.sleep(10)
        unit = await scene.store.unit(SHOP)
        assert unit is not None

        async def condition():
            shipped = await scene.store.shipped(SHOP)
            return planning.condition(unit.intent, unit.generation, shipped, now())

        assert planning.state(await scene.state(), now()) == "retrying"
        found = await condition()
        assert found is not None
        assert found.status
        await asyncio.sleep(planning.FAILING_S)
        found = await condition()
        assert found is not None
        assert (found.type, found.status, found.reason) == ("Delivering", False, "DrainFailing")
        assert "10.0.0.1 is not a public address" in found.message
        assert "hunter2" not in found.message
        assert planning.condition(AppIntent(SHOP, "shop"), 1, (), now()) is None
        scene.receivers["a"].always = ""
        await asyncio.sleep(90)
        assert planning.state(await scene.state(), now()) == "delivering"

    played(story)


def test_time_is_virtual_here() -> None:
    async def story(scene: Scene) -> None:
        assert isinstance(asyncio.get_running_loop(), SimLoop)
        assert shippers.LOOK_S == 1.0

    played(story)
