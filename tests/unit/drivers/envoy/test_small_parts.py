"""Holds, drains, traffic, dynos and the outbox, each alone."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import msgspec

from setpoint.drivers.envoy import outbox
from setpoint.drivers.envoy.ads import Ads
from setpoint.drivers.envoy.drains import GRACE_S, Drains
from setpoint.drivers.envoy.dynos import Dynos
from setpoint.drivers.envoy.heard import Load
from setpoint.drivers.envoy.hold import Holds
from setpoint.drivers.envoy.outbox import Outbox
from setpoint.drivers.envoy.traffic import Traffic
from setpoint.formats.control import AppendLog, Demand, LogLine
from setpoint.formats.envoy import replies
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.replies import Reply
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Endpoint, Instance, Phase, SetFacts

KEY = SetKey(AppId("a"), "web", Digest("a" * 64))
PLACE = Endpoint("veth", "10.0.0.2", 5000)


def facts(*phases: Phase, **fields: Any) -> SetFacts:
    instances = tuple(
        Instance(InstanceId(f"web.{n}"), n, phase, 0.0, endpoint=PLACE)
        for n, phase in enumerate(phases, 1)
    )
    made = SetFacts(KEY, Fence(1, 1), Bounds(0, 1), 1, instances)
    return msgspec.structs.replace(made, **fields)


class Wait:
    """A hold over facts that the test sets. `wanted`: what the supervisor was told."""

    def __init__(self, **limits: Any) -> None:
        self.facts, self.confirmed = facts(), False
        self.wanted: list[int] = []
        self.holds = Holds(
            lambda _: (self.facts, self.confirmed),
            lambda _, waiting: self.wanted.append(waiting),
            Limits(**limits),
        )

    def hold(self) -> "asyncio.Task[Reply | None]":
        return asyncio.create_task(self.holds.hold("c"))

    def becomes(self, seen: SetFacts, *, confirmed: bool = False) -> None:
        self.facts, self.confirmed = seen, confirmed
        self.holds.changed("c")


async def settle() -> None:
    """Lets everything run that can run now."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_all_who_wait_are_let_go_once_envoy_has_the_endpoint() -> None:
    async def story() -> None:
        wait = Wait()
        held = [wait.hold() for _ in range(3)]
        await settle()
        assert (wait.wanted, wait.holds.waiting()) == ([1], {"c": 3})
        wait.becomes(facts(Phase.READY))
        await settle()
        assert not any(h.done() for h in held)
        wait.becomes(facts(Phase.READY), confirmed=True)
        assert await asyncio.gather(*held) == [None] * 3
        assert (wait.wanted, wait.holds.waiting()) == ([1, 0], {})

    asyncio.run(story())


def test_whoever_leaves_is_no_longer_counted_and_stops_nothing() -> None:
    async def story() -> None:
        wait = Wait()
        first, second = wait.hold(), wait.hold()
        await settle()
        first.cancel()
        await settle()
        assert wait.holds.waiting() == {"c": 1}
        wait.becomes(facts(Phase.READY), confirmed=True)
        assert await second is None

    asyncio.run(story())


def test_when_all_have_left_nobody_is_wanted_any_more() -> None:
    async def story() -> None:
        wait = Wait()
        only = wait.hold()
        await settle()
        only.cancel()
        await settle()
        assert wait.wanted == [1, 0]
        wait.becomes(facts(Phase.READY), confirmed=True)
        await settle()

    asyncio.run(story())


def test_a_set_that_gave_up_is_h10_and_one_that_is_late_h20() -> None:
    async def story() -> None:
        wait = Wait()
        held = wait.hold()
        await settle()
        wait.becomes(facts(gave_up=True))
        assert await held is replies.CRASHED
        late = Wait(hold_s=0.01)
        assert await late.hold() is replies.BOOT_TIMEOUT
        assert late.wanted == [1, 0]

    asyncio.run(story())


def test_beyond_the_limit_it_is_h11_at_once() -> None:
    async def story() -> None:
        wait = Wait(held_max=2)
        held = [wait.hold(), wait.hold()]
        await settle()
        assert await wait.hold() is replies.BACKLOG
        wait.becomes(facts(Phase.READY), confirmed=True)
        assert await asyncio.gather(*held) == [None, None]

    asyncio.run(story())


# --- drains -----------------------------------------------------------------------------------


class FakeAds:
    def __init__(self) -> None:
        self.is_confirmed = False

    def confirmed(self, *_: object) -> bool:
        return self.is_confirmed


class FakeTimer:
    def __init__(self, after_s: float, then: Callable[[], None]) -> None:
        self.after_s, self.then = after_s, then
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Drained:
    """Drains with an Envoy and a clock that the test moves."""

    def __init__(self) -> None:
        self.ads, self.told, self.timers = FakeAds(), list[str](), list[FakeTimer]()
        self.drains = Drains(cast(Ads, self.ads), self.told.append, self._later)

    def _later(self, after_s: float, then: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(after_s, then))
        return self.timers[-1]

    def look(self, seen: SetFacts, *, confirmed: bool) -> None:
        self.ads.is_confirmed = confirmed
        self.drains.look(seen)

    def pass_grace(self) -> None:
        for timer in self.timers:
            if not timer.cancelled:
                timer.then()


def test_an_instance_is_free_a_grace_after_envoy_confirmed() -> None:
    made = Drained()
    made.look(facts(Phase.READY, Phase.DRAINING), confirmed=False)
    assert made.timers == []
    for _ in range(3):
        made.look(facts(Phase.READY, Phase.DRAINING), confirmed=True)
    assert [t.after_s for t in made.timers] == [GRACE_S]
    made.pass_grace()
    assert made.told == ["web.2"]


def test_a_confirmation_that_no_longer_holds_is_none() -> None:
    made = Drained()
    made.look(facts(Phase.DRAINING), confirmed=True)
    made.look(facts(Phase.DRAINING), confirmed=False)
    made.pass_grace()
    assert made.told == []
    made.look(facts(Phase.DRAINING), confirmed=True)
    made.drains.forget(KEY)
    made.pass_grace()
    assert made.told == []


def test_a_supervisor_that_forgot_is_told_again() -> None:
    made = Drained()
    made.look(facts(Phase.DRAINING), confirmed=True)
    made.drains.forget(KEY)
    made.look(facts(Phase.DRAINING), confirmed=True)
    made.pass_grace()
    assert made.told == ["web.1"]


# --- the rest ---------------------------------------------------------------------------------


def test_a_cluster_missing_from_the_next_report_has_come_to_rest() -> None:
    told: list[tuple[str, int]] = []
    traffic = Traffic(lambda cluster, in_flight: told.append((cluster, in_flight)))
    traffic.heard("envoy-1", [Load("c", 5, 2)])
    traffic.heard("envoy-2", [Load("c", 1, 1)])
    traffic.heard("envoy-1", [])
    traffic.heard("envoy-2", None)
    traffic.heard("envoy-1", [])
    traffic.heard("envoy-1", [Load("c", 0, 0)])
    assert told == [("c", 2), ("c", 3), ("c", 1), ("c", 0)]


def test_a_dyno_is_known_by_its_address_also_when_it_is_gone() -> None:
    dynos = Dynos()
    dynos.learn(facts(Phase.READY))
    dynos.learn(facts())
    assert dynos.name("10.0.0.2:5000") == "web.1"
    assert dynos.name("10.9.9.9:1") == ""
    dynos.learn(facts(socket=Endpoint("pipe", "/run/fn/hello.sock")))
    assert dynos.name("/run/fn/hello.sock") == "web"


def test_only_the_newest_level_is_told_and_never_lost_to_an_older_answer() -> None:
    box = Outbox()
    box.put(Demand(KEY, 1))
    [first] = box.take()
    box.put(Demand(KEY, 0))
    box.done(first)
    assert box.take() == [Demand(KEY, 0)]
    box.done(box.take()[0])
    assert box.empty


def test_router_lines_are_bounded_and_a_gap_is_told() -> None:
    box, app = Outbox(), AppId("a")
    line = LogLine(1.0, "heroku", "router", "x")
    box.log(app, [line] * (outbox.LINES_MAX + 7))
    sent = 0
    while sent < outbox.LINES_MAX:
        [message] = box.take()
        assert isinstance(message, AppendLog)
        sent += len(message.lines)
        box.done(message)
    box.log(app, [line])
    [message] = box.take()
    assert isinstance(message, AppendLog)
    assert "7 router lines were dropped" in message.lines[0].text
    assert message.lines[1:] == (line,)
