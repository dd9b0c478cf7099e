"""Backoff with jitter, patience while waiting, and no retry of what was refused for good."""

import msgspec
import pytest

from setpoint.converge.pace import BACKOFF_S_MAX, TERMINAL_S, WORKS_MAX, Pace, backoff_s
from setpoint.model.change import Because
from setpoint.model.ids import AppId, SetKey
from setpoint.model.steps import Plan, RemoveProcesses, Waiting
from setpoint.testing.builders import CODE
from setpoint.testing.clock import ManualClock

SHOP, API = AppId("shop"), AppId("api")
WORK = Plan(steps=(RemoveProcesses(SetKey(SHOP, "web", CODE), 1, Because("retire", "old")),))
WAIT = Plan(waiting=(Waiting("web", "0 of 1 are ready", 1.0),))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


@pytest.fixture
def pace(clock: ManualClock) -> Pace:
    return Pace(clock, lambda: 0.5, patience_s=30.0)


def test_backoff_is_anything_up_to_a_limit_that_doubles():
    assert backoff_s(1, 0.0) == 0.0
    assert backoff_s(1, 0.5) == pytest.approx(0.005)
    assert backoff_s(4, 0.5) == pytest.approx(0.04)
    assert backoff_s(10_000, 0.999) < BACKOFF_S_MAX


def test_failures_of_one_app_do_not_slow_another(pace: Pace):
    for _ in range(8):
        pace.after_failure(SHOP)
    assert pace.after_failure(SHOP) > 1.0
    assert pace.after_failure(API) < 0.01


def test_success_forgets_failures(pace: Pace):
    for _ in range(12):
        pace.after_failure(SHOP)
    assert pace.after_work(SHOP, WORK) == 0.0
    assert pace.after_failure(SHOP) < 0.01


def test_the_same_steps_again_and_again_are_slowed_down(pace: Pace):
    """The world does not show their effect: looking at once would only burn commits."""
    delays = [pace.after_work(SHOP, WORK) for _ in range(12)]
    assert delays[0] == 0.0
    assert delays[1:] == sorted(delays[1:])
    assert delays[-1] > 1.0


def test_who_is_looked_at_at_once_is_known_beforehand(pace: Pace):
    other = Plan(steps=(RemoveProcesses(SetKey(SHOP, "worker", CODE), 1, Because("x", "y")),))
    for plan in (WORK, WORK, *(other, WORK) * WORKS_MAX, WAIT, WORK, other):
        known = pace.follows_at_once(SHOP, plan)
        told = pace.after_work(SHOP, plan) if plan.steps else pace.after_look(SHOP, plan)
        assert known is (told == 0.0) or not plan.steps


def test_work_that_goes_back_and_forth_is_slowed_down(pace: Pace):
    """Each pass undoes the one before: no two in a row are alike, and none of them rests."""
    other = Plan(steps=(RemoveProcesses(SetKey(SHOP, "worker", CODE), 1, Because("x", "y")),))
    delays = [pace.after_work(SHOP, (WORK, other)[n % 2]) for n in range(WORKS_MAX + 12)]
    assert set(delays[:WORKS_MAX]) == {0.0}
    assert delays[-1] > 1.0
    pace.after_look(SHOP, WAIT)
    assert pace.after_work(SHOP, WORK) == 0.0


def test_waiting_looks_again_twice_as_late_each_time_up_to_its_patience(pace: Pace):
    assert [pace.after_look(SHOP, WAIT) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_waiting_for_something_else_starts_over(pace: Pace):
    for _ in range(4):
        pace.after_look(SHOP, WAIT)
    other = msgspec.structs.replace(WAIT, waiting=(Waiting("route", "not confirmed", 1.0),))
    assert pace.after_look(SHOP, other) == 1.0


def test_a_settled_app_is_not_looked_at_again(pace: Pace):
    assert pace.after_look(SHOP, Plan()) is None


def test_what_was_refused_for_good_is_left_alone_until_it_differs_or_long_after(
    pace: Pace, clock: ManualClock
):
    pace.refuse(SHOP, WORK.steps, "cannot mount: read-only")
    assert pace.refusal(SHOP, WORK.steps) == "cannot mount: read-only"
    assert pace.refusal(SHOP, ()) is None
    assert pace.refusal(API, WORK.steps) is None
    clock.advance(TERMINAL_S)
    assert pace.refusal(SHOP, WORK.steps) is None
