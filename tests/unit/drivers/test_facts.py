"""How facts change, and that the standing order then does what a user expects."""

from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts as change
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import (
    Bounds,
    Drain,
    Endpoint,
    Exit,
    GiveUp,
    Instance,
    Kill,
    Phase,
    ProcessSpec,
    SetFacts,
    SetOrder,
    Start,
    Stop,
)
from setpoint.planning.scaling import UP_S
from setpoint.planning.standing import DRAIN_S_MAX, GRACE_S, STEADY_S, decide
from setpoint.testing import builders

KEY = SetKey(AppId("a1"), "web", Digest("ab" * 32))
SPEC = ProcessSpec(
    "web", "web", 1, Digest("c0"), None, "/usr/bin/python3", "", "run", "", Digest("e0"), "basic",
    1 << 20, 10, 100,
)  # fmt: skip
NOW_S = 10_000.0
ORDER = SetOrder(KEY, "shop", SPEC, Bounds(1, 1, boot_s_max=60.0), Fence(1, 1), attempts_max=3)
ONE = InstanceId("web.1-aaaaaa")
HERE = Endpoint("veth", "198.18.0.2", 10000)


def new() -> SetFacts:
    return change.ordered(None, ORDER, None)


def ready(at_s: float = 10.0) -> SetFacts:
    return change.became_ready(change.started(new(), ONE, 1, at_s - 1.0), ONE, HERE, at_s)


def test_a_crash_before_ready_is_a_failure_with_its_last_words() -> None:
    facts = change.ended(change.started(new(), ONE, 1, 0.0), ONE, Exit(1, 1.0), ["no such module"])
    assert (facts.failures, facts.crashes) == (1, 1)
    assert facts.last_lines == ("no such module",)
    assert facts.instances == ()


def test_getting_ready_forgives_failures_but_not_crashes_yet() -> None:
    facts = replace(new(), failures=2, crashes=2, gave_up=True, last_lines=("old",), waiting=4)
    facts = change.became_ready(change.started(facts, ONE, 1, 0.0), ONE, HERE, 1.0)
    assert (facts.failures, facts.crashes, facts.gave_up) == (0, 2, False)
    assert (facts.last_lines, facts.waiting) == ((), 0)


def test_a_crash_after_a_long_life_is_the_first_one() -> None:
    facts = replace(ready(10.0), crashes=4)
    assert change.ended(facts, ONE, Exit(1, 11.0)).crashes == 5
    assert change.ended(facts, ONE, Exit(1, 10.0 + STEADY_S)).crashes == 1


def test_crashes_are_forgotten_after_a_steady_minute() -> None:
    facts = replace(ready(10.0), crashes=4)
    assert change.steady_in_s(facts, 40.0) == STEADY_S - 30.0
    assert change.steadied(facts, 40.0).crashes == 4
    assert change.steadied(facts, 10.0 + STEADY_S).crashes == 0


def test_a_steady_sibling_does_not_make_up_for_one_that_crashes() -> None:
    two = InstanceId("web.2-bbbbbb")
    late_s = 10.0 + 2 * STEADY_S
    facts = replace(ready(10.0), bounds=Bounds(2, 2))
    facts = change.ended(change.started(facts, two, 2, late_s), two, Exit(1, late_s))
    assert change.steadied(facts, late_s).crashes == 1
    assert change.steadied(facts, late_s + STEADY_S).crashes == 1  # its next start is still to come
    three = InstanceId("web.2-cccccc")
    facts = change.started(facts, three, 2, late_s + 1.0)
    facts = change.became_ready(facts, three, HERE, late_s + 2.0)
    assert change.steadied(facts, late_s + 1.0 + STEADY_S).crashes == 1
    assert change.steadied(facts, late_s + 2.0 + STEADY_S).crashes == 0


def test_nor_does_one_that_needs_no_other_beside_it() -> None:
    two = InstanceId("web.2-bbbbbb")
    late_s = 10.0 + 2 * STEADY_S
    facts = replace(ready(10.0), bounds=Bounds(1, 2))
    facts = change.ended(change.started(facts, two, 2, late_s), two, Exit(1, late_s))
    assert change.steadied(facts, late_s).crashes == 1
    assert change.steadied(facts, late_s + STEADY_S).crashes == 0


def test_an_expected_end_counts_for_nothing() -> None:
    facts = change.ended(ready(), ONE, Exit(143, 11.0, expected=True))
    assert (facts.failures, facts.crashes) == (0, 0)


def test_only_another_wish_lets_it_try_anew() -> None:
    facts = change.gave_up(replace(new(), failures=3))
    same = replace(ORDER, fence=Fence(1, 2))
    assert change.ordered(facts, same, ORDER).gave_up
    assert change.ordered(facts, same, ORDER).fence == Fence(1, 2)
    other = change.ordered(facts, replace(ORDER, attempts_max=0), ORDER)
    assert (other.gave_up, other.failures) == (False, 0)
    again = change.ordered(change.removed(facts, Fence(1, 2)), ORDER, ORDER)
    assert (again.gave_up, again.retiring) == (False, False)


def test_what_no_edge_reaches_is_drained_at_once() -> None:
    (worker,) = change.draining(change.started(new(), ONE, 1, 0.0), ONE, 1.0).instances
    assert worker.drained
    (web,) = change.draining(ready(), ONE, 11.0).instances
    assert not web.drained


def test_a_hung_start_is_killed_and_its_end_awaited_before_anything_else() -> None:
    facts = change.started(new(), ONE, 1, 0.0)
    (act,) = decide(ORDER, facts, 60.0).acts
    assert isinstance(act, Kill)
    facts = change.ended(facts, ONE, Exit(137, 60.1, timed_out=True))
    (act,) = decide(ORDER, facts, 60.2).acts
    assert isinstance(act, GiveUp)


def test_removal_drains_then_stops_then_kills() -> None:
    facts = change.removed(ready(10.0), Fence(1, 2))
    (act,) = decide(ORDER, facts, 11.0).acts
    assert isinstance(act, Drain)
    facts = change.draining(facts, ONE, 11.0)
    assert decide(ORDER, facts, 11.5).acts == ()
    (act,) = decide(ORDER, facts, 11.0 + DRAIN_S_MAX).acts
    assert isinstance(act, Stop)
    (act,) = decide(ORDER, change.drained(facts, ONE), 11.6).acts
    assert isinstance(act, Stop)
    facts = change.stopping(facts, ONE, 12.0)
    (act,) = decide(ORDER, facts, 12.0 + GRACE_S).acts
    assert isinstance(act, Kill)
    assert facts.instances[0].phase is Phase.STOPPING


def test_a_start_that_could_not_even_begin_is_retried_later() -> None:
    facts = change.never_started(new(), "cannot start web.1: no memory", 5.0)
    (act,) = decide(ORDER, facts, 5.0).acts
    assert isinstance(act, Start)
    facts = change.never_started(facts, "cannot start web.1: no memory", 5.1)
    assert decide(ORDER, facts, 5.1).acts == ()
    assert facts.last_lines == ("cannot start web.1: no memory",)


def test_after_a_jump_of_the_clock_everything_is_as_long_ago_as_before() -> None:
    wall, boot = [1000.0], [50.0]
    clock = Clock(lambda: wall[0], lambda: boot[0])
    told: list[float] = []
    clock.on_jump.append(told.append)
    wall[0], boot[0] = 1010.0, 60.0
    assert clock.heed() == 0.0
    before_s = clock.apart_s
    wall[0], boot[0] = 1010.5 - 3600, 60.5
    assert clock.now_s() == 1010.5, "what is noted now is moved with the rest"
    assert (clock.heed(), clock.heed(), told) == (-3600.0, 0.0, [-3600.0])
    assert clock.now_s() == 1010.5 - 3600
    assert (clock.since(before_s), clock.since(None)) == (-3600.0, 0.0)


def test_nothing_was_used_in_days_to_come() -> None:
    ahead = change.used(ready(), 1, NOW_S + 3600.0, NOW_S)
    assert ahead.last_used_s == NOW_S
    assert change.used(ahead, 0, NOW_S - 5.0, NOW_S).last_used_s == NOW_S


def test_what_slews_is_no_jump_and_is_followed() -> None:
    wall, boot = [1000.0], [50.0]
    clock = Clock(lambda: wall[0], lambda: boot[0])
    for _ in range(5):
        wall[0], boot[0] = wall[0] + 11.0, boot[0] + 10.0
        assert clock.now_s() == wall[0]
    assert clock.heed() == 0.0


def test_a_shift_moves_every_moment_of_a_set_and_nothing_else() -> None:
    instance = Instance(
        InstanceId("web.1-a"), 1, Phase.STOPPING, started_at_s=10.0, ready_at_s=20.0, stop_at_s=30.0
    )
    facts = SetFacts(
        SetKey(AppId("a"), "web", Digest("0" * 64)),
        Fence(1, 1),
        Bounds(1, 1),
        release=1,
        instances=(instance,),
        last_exit=Exit(1, at_s=40.0),
        last_used_s=50.0,
    )
    moved = change.shifted(facts, -5.0)
    shown = moved.instances[0]
    assert (shown.started_at_s, shown.ready_at_s, shown.stop_at_s) == (5.0, 15.0, 25.0)
    assert moved.last_exit is not None
    assert (moved.last_exit.at_s, moved.last_used_s) == (35.0, 45.0)
    assert change.shifted(moved, 5.0) == facts


def test_waiting_counts_from_the_first_look_of_those_that_saw_it_everywhere():
    facts = change.used(builders.facts(ORDER), 6, NOW_S, NOW_S)
    for queued, at_s, since_s in (
        ((1, 1), 0.0, 0.0),
        ((3, 1), 2.0, 0.0),
        ((3, 0), 2.5, None),
        ((1, 1), 3.0, 3.0),
        ((), 4.0, None),
    ):
        facts = change.queues_seen(facts, queued, NOW_S + at_s)
        assert facts.queued_since_s == (None if since_s is None else NOW_S + since_s)
        assert facts.crowd == 0.0


def test_how_many_were_too_many_for_those_that_were_up_is_remembered():
    facts = change.used(builders.facts(ORDER, builders.instance(1)), 6, NOW_S, NOW_S)
    waits = change.queues_seen(facts, (1,), NOW_S)
    assert change.started(waits, InstanceId("web.2-0"), 2, NOW_S + 1.0).crowd == 0.0
    grown = change.started(waits, InstanceId("web.2-0"), 2, NOW_S + UP_S)
    assert grown.crowd == 6.0
    assert change.queues_seen(grown, (0, 0), NOW_S + UP_S + 1).crowd == 6.0
    assert grown.at_rest.crowd == 0.0
    assert change.shifted(waits, 5.0).queued_since_s == NOW_S + 5.0
