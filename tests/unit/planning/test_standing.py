"""What the supervisor may do without asking."""

import pytest

from setpoint.model.process import Bounds, Drain, Exit, GiveUp, Kill, Phase, Start, Stop
from setpoint.planning.standing import (
    ANSWER_S_MAX,
    BACKOFF_S_MAX,
    DRAIN_S_MAX,
    FUNCTION_BACKOFF_S_MAX,
    FUNCTION_GRACE_S,
    GRACE_S,
    IN_HAND_LOOK_S,
    decide,
    restart_delay_s,
)
from setpoint.testing import builders
from setpoint.testing.builders import facts, instance, order

NOW_S = 10_000.0
IDLE = Bounds(0, 2, idle_s=600.0)


def kinds(decided) -> list[type]:
    return [type(act) for act in decided.acts]


def test_an_empty_set_is_started_to_its_minimum():
    wanted = order(Bounds(2, 2))
    decided = decide(wanted, facts(wanted), NOW_S)
    assert [(type(a), a.ordinal) for a in decided.acts] == [(Start, 1), (Start, 2)]


def test_a_full_set_needs_nothing():
    wanted = order()
    decided = decide(wanted, facts(wanted, instance(), ever_ready=True), NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s is None


def test_a_missing_number_is_filled_in():
    wanted = order(Bounds(3, 3))
    up = facts(wanted, instance(1), instance(3), ever_ready=True)
    assert [a.ordinal for a in decide(wanted, up, NOW_S).acts] == [2]


def test_a_number_still_draining_is_not_given_twice():
    wanted = order(Bounds(1, 1))
    leaving = instance(1, Phase.STOPPING, stop_at_s=NOW_S)
    decided = decide(wanted, facts(wanted, leaving, ever_ready=True), NOW_S)
    assert [a.ordinal for a in decided.acts] == [2]


def test_too_many_are_drained_the_unready_and_the_highest_number_first():
    wanted = order(Bounds(1, 1))
    up = facts(wanted, instance(1), instance(2, Phase.STARTING), instance(3), ever_ready=True)
    decided = decide(wanted, up, 30.0)
    assert [a.instance for a in decided.acts] == [instance(2).id, instance(3).id]
    assert kinds(decided) == [Drain, Drain]


# --- boot -----------------------------------------------------------------------------------


def test_a_start_that_takes_too_long_is_killed():
    wanted = order(Bounds(1, 1, boot_s_max=60.0))
    slow = instance(1, Phase.STARTING, started_at_s=NOW_S - 61)
    decided = decide(wanted, facts(wanted, slow), NOW_S)
    assert kinds(decided) == [Kill]
    assert decided.acts[0].because == "not ready within 60 s of its start"


def test_a_start_in_time_is_looked_at_again_when_its_time_is_up():
    wanted = order(Bounds(1, 1, boot_s_max=60.0))
    young = instance(1, Phase.STARTING, started_at_s=NOW_S - 20)
    decided = decide(wanted, facts(wanted, young), NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s == pytest.approx(40.0)


def test_a_start_that_hung_is_not_tried_again():
    wanted = order(attempts_max=3)
    hung = facts(wanted, failures=1, crashes=1, last_exit=Exit(137, NOW_S, timed_out=True))
    assert kinds(decide(wanted, hung, NOW_S)) == [GiveUp]


def test_it_gives_up_after_as_many_starts_as_it_was_allowed():
    wanted = order(attempts_max=3)
    exits = Exit(1, NOW_S - 100)
    twice = facts(wanted, failures=2, crashes=2, last_exit=exits)
    thrice = facts(wanted, failures=3, crashes=3, last_exit=exits)
    assert kinds(decide(wanted, twice, NOW_S)) == [Start]
    assert kinds(decide(wanted, thrice, NOW_S)) == [GiveUp]


def test_once_given_up_nothing_is_started():
    wanted = order()
    decided = decide(wanted, facts(wanted, gave_up=True, failures=3), NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s is None


def test_a_set_that_was_ready_once_is_never_given_up():
    wanted = order(attempts_max=3)
    crashed = facts(wanted, crashes=9, last_exit=Exit(1, NOW_S - 1000), ever_ready=True)
    assert kinds(decide(wanted, crashed, NOW_S)) == [Start]


# --- crashes --------------------------------------------------------------------------------


def test_the_first_crash_is_answered_at_once():
    wanted = order()
    crashed = facts(wanted, crashes=1, last_exit=Exit(1, NOW_S), ever_ready=True)
    decided = decide(wanted, crashed, NOW_S)
    assert kinds(decided) == [Start]
    assert "exited with code 1" in decided.acts[0].because


def test_further_crashes_are_answered_later_and_later():
    delays = [restart_delay_s(n) for n in range(1, 7)]
    assert delays == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert restart_delay_s(1000) == BACKOFF_S_MAX


def test_a_crash_loop_waits_out_its_backoff_and_says_until_when():
    wanted = order()
    crashed = facts(wanted, crashes=5, last_exit=Exit(1, NOW_S - 3), ever_ready=True)
    decided = decide(wanted, crashed, NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s == pytest.approx(5.0)


def test_who_waits_for_a_function_waits_out_no_long_backoff():
    """What ended it so often may have been somebody else's input."""
    wanted = order(IDLE, kind="function")
    crashed = facts(wanted, crashes=50, last_exit=Exit(1, NOW_S - 3), ever_ready=True, waiting=1)
    decided = decide(wanted, crashed, NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s == pytest.approx(FUNCTION_BACKOFF_S_MAX - 3)
    later = decide(wanted, crashed, NOW_S + FUNCTION_BACKOFF_S_MAX - 3)
    assert kinds(later) == [Start]


def test_an_expected_exit_is_no_crash():
    wanted = order()
    stopped = facts(wanted, last_exit=Exit(0, NOW_S, expected=True), ever_ready=True)
    assert kinds(decide(wanted, stopped, NOW_S)) == [Start]


# --- on demand ------------------------------------------------------------------------------


def test_what_may_be_at_zero_proves_once_that_it_can_start():
    wanted = order(IDLE)
    assert kinds(decide(wanted, facts(wanted), NOW_S)) == [Start]


def test_two_hundred_waiting_requests_start_exactly_one():
    wanted = order(IDLE)
    cold = facts(wanted, waiting=200, ever_ready=True)
    assert kinds(decide(wanted, cold, NOW_S)) == [Start]
    starting = facts(
        wanted, instance(1, Phase.STARTING, started_at_s=NOW_S), waiting=200, ever_ready=True
    )
    assert decide(wanted, starting, NOW_S).acts == ()


def test_nothing_is_started_beyond_the_maximum_however_many_wait():
    wanted = order(IDLE)
    busy = facts(wanted, instance(1), instance(2), waiting=9, in_flight=9, ever_ready=True)
    assert decide(wanted, busy, NOW_S).acts == ()


def test_it_stops_after_its_idle_time_and_not_before():
    wanted = order(IDLE)
    ready = instance(1, ready_at_s=NOW_S - 2000)
    resting = facts(wanted, ready, ever_ready=True, last_used_s=NOW_S - 599)
    decided = decide(wanted, resting, NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s == pytest.approx(1.0)
    idle = facts(wanted, ready, ever_ready=True, last_used_s=NOW_S - 601)
    assert kinds(decide(wanted, idle, NOW_S)) == [Drain]


def test_a_request_in_flight_keeps_it_from_being_idle():
    wanted = order(IDLE)
    busy = facts(wanted, instance(1, ready_at_s=0.0), ever_ready=True, last_used_s=1.0, in_flight=1)
    assert decide(wanted, busy, NOW_S).acts == ()


def test_at_zero_and_unused_it_stays_at_zero():
    wanted = order(IDLE)
    decided = decide(wanted, facts(wanted, ever_ready=True), NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s is None


# --- leaving --------------------------------------------------------------------------------


def test_a_retiring_set_is_drained_whatever_its_bounds_say():
    wanted = order(Bounds(2, 2))
    leaving = facts(wanted, instance(1), instance(2), retiring=True, ever_ready=True)
    decided = decide(wanted, leaving, NOW_S)
    assert kinds(decided) == [Drain, Drain]
    assert decided.look_again_s == DRAIN_S_MAX


def test_a_drained_instance_is_stopped_as_soon_as_the_edge_says_so():
    wanted = order()
    draining = instance(1, Phase.DRAINING, stop_at_s=NOW_S, drained=True)
    decided = decide(wanted, facts(wanted, draining, retiring=True), NOW_S)
    assert kinds(decided) == [Stop]


def test_what_it_has_in_hand_is_answered_before_it_is_stopped():
    wanted = order()

    def after(since_s: float, **known: object):
        draining = instance(1, Phase.DRAINING, stop_at_s=NOW_S - since_s, **known)
        return decide(wanted, facts(wanted, draining, retiring=True), NOW_S)

    busy = after(10.0, drained=True, in_hand=2)
    assert busy.acts == ()
    assert busy.look_again_s == pytest.approx(IN_HAND_LOOK_S)
    (late,) = after(ANSWER_S_MAX, drained=True, in_hand=2).acts
    assert late.because == "2 requests are still in hand after 30 s"
    assert kinds(after(1.0, drained=True, in_hand=0)) == [Stop]


def test_an_edge_that_is_away_may_still_carry_answers():
    wanted = order()
    busy = instance(1, Phase.DRAINING, stop_at_s=NOW_S - DRAIN_S_MAX, in_hand=1)
    assert decide(wanted, facts(wanted, busy, retiring=True), NOW_S).acts == ()


def test_a_function_may_end_what_it_has_begun():
    wanted = order(kind="function")
    for since_s, decided in ((GRACE_S, []), (FUNCTION_GRACE_S, [Kill])):
        stopping = instance(1, Phase.STOPPING, stop_at_s=NOW_S - since_s)
        assert kinds(decide(wanted, facts(wanted, stopping, retiring=True), NOW_S)) == decided


def test_a_silent_edge_does_not_keep_an_instance_for_ever():
    wanted = order()
    early = instance(1, Phase.DRAINING, stop_at_s=NOW_S - DRAIN_S_MAX + 1)
    late = instance(1, Phase.DRAINING, stop_at_s=NOW_S - DRAIN_S_MAX)
    assert decide(wanted, facts(wanted, early, retiring=True), NOW_S).acts == ()
    assert kinds(decide(wanted, facts(wanted, late, retiring=True), NOW_S)) == [Stop]


def test_what_does_not_heed_sigterm_is_killed_when_its_grace_is_over():
    wanted = order()
    early = instance(1, Phase.STOPPING, stop_at_s=NOW_S - GRACE_S + 10)
    late = instance(1, Phase.STOPPING, stop_at_s=NOW_S - GRACE_S)
    decided = decide(wanted, facts(wanted, early, retiring=True), NOW_S)
    assert decided.acts == ()
    assert decided.look_again_s == pytest.approx(10.0)
    assert kinds(decide(wanted, facts(wanted, late, retiring=True), NOW_S)) == [Kill]


def test_a_maximum_of_zero_drains_everything():
    wanted = order(Bounds(0, 0))
    assert kinds(decide(wanted, facts(wanted, instance(), ever_ready=True), NOW_S)) == [Drain]


def test_every_act_says_why():
    wanted = builders.order(Bounds(2, 2))
    decided = decide(wanted, facts(wanted, instance(1, Phase.DRAINING, drained=True)), NOW_S)
    assert all(act.because for act in decided.acts)
