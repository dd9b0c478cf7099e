"""What was noted by a clock that was wrong, once it is right again."""

import pytest

from setpoint.model.clock import Jump, Mark, Moment
from setpoint.model.drain import Shipped
from setpoint.model.ids import AppId
from setpoint.model.webhook import Delivery
from setpoint.planning import clock, drains, webhooks

NOW_S = 1_790_000_000.0
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S


def at(up_s: float, ahead_s: float = 0.0, boot: str = "one") -> Moment:
    return Moment(boot, up_s, NOW_S + up_s + ahead_s)


def followed(*moments: Moment) -> Mark:
    mark = None
    for moment in moments:
        mark = clock.follow(mark, moment)
    assert mark is not None
    return mark


@pytest.mark.parametrize("by_s", [YEAR_S, -YEAR_S, 301.0, -301.0])
def test_a_jump_is_doubted_until_it_has_stood_for_a_day(by_s: float) -> None:
    mark = followed(at(0), at(60), at(120, by_s))
    assert mark.jump is not None
    assert mark.jump.by_s == pytest.approx(by_s)
    assert clock.doubt(mark.jump).startswith(f"the clock jumped {abs(by_s):.0f} s")
    still = clock.follow(mark, at(120 + DAY_S - 1, by_s))
    assert still.jump is not None
    assert clock.doubt(clock.follow(still, at(121 + DAY_S, by_s)).jump) == ""


@pytest.mark.parametrize("by_s", [299.0, -299.0, 0.0])
def test_what_is_corrected_or_slewed_is_no_jump(by_s: float) -> None:
    assert followed(at(0), at(60, by_s)).jump is None


def test_small_steps_never_add_up_while_they_are_followed() -> None:
    assert followed(*(at(60.0 * n, 200.0 * n) for n in range(20))).jump is None


def test_a_second_jump_begins_the_day_anew_and_both_are_told_as_one() -> None:
    mark = followed(at(0), at(60, 1000), at(60 + DAY_S - 60, 1000), at(60 + DAY_S, 2000))
    assert mark.jump is not None
    assert (round(mark.jump.by_s), mark.jump.stood_s) == (2000, 0.0)


def test_a_clock_that_is_put_right_is_believed_at_once() -> None:
    assert followed(at(0), at(60, YEAR_S), at(7200, 1.0)).jump is None


def test_sleep_is_no_jump() -> None:
    """Seconds since boot count it."""
    assert followed(at(0), at(30 * DAY_S)).jump is None


@pytest.mark.parametrize(
    ("wall_s", "doubted"),
    [(0.0, False), (29 * DAY_S, False), (31 * DAY_S, True), (YEAR_S, True), (-301.0, True)],
)
def test_over_a_reboot_a_clock_that_went_back_or_far_ahead_is_doubted(
    wall_s: float, doubted: bool
) -> None:
    """The machine may have been off meanwhile, for a while."""
    up = Moment("two", 30.0, NOW_S + 30.0 + wall_s)
    mark = followed(at(0), up)
    assert (mark.jump is not None) is doubted
    if mark.jump is not None:
        assert mark.jump.away


@pytest.mark.parametrize(
    ("off_s", "doubted"), [(60.0, False), (3600.0, False), (29 * DAY_S, False), (YEAR_S, True)]
)
def test_a_machine_without_a_battery_is_believed_once_its_clock_is_right(
    off_s: float, doubted: bool
) -> None:
    """It comes up decades ago, and is put right by so much more as it was off."""
    came_up = followed(at(0), Moment("two", 20.0, 20.0))
    assert came_up.jump is not None
    still = clock.follow(came_up, Moment("two", 25.0, 25.0))
    right = clock.follow(still, Moment("two", 30.0, NOW_S + off_s + 30.0))
    assert (right.jump is not None) is doubted


def test_the_day_goes_on_over_a_reboot() -> None:
    jumped = followed(at(0), at(60, YEAR_S), at(60 + DAY_S / 2, YEAR_S))
    last_s = jumped.moment.wall_s
    soon = clock.follow(jumped, Moment("two", 100.0, last_s + 200.0))
    assert soon.jump is not None
    assert soon.jump.stood_s == DAY_S / 2 + 100.0
    assert clock.follow(soon, Moment("two", DAY_S / 2, last_s + 100.0 + DAY_S / 2)).jump is None


def test_a_delivery_is_not_given_up_since_the_clock_jumped() -> None:
    made = Delivery("d", AppId("a"), "w", "e", "api:app", "sync", {}, NOW_S, NOW_S)
    ahead_s = NOW_S + YEAR_S
    tried = webhooks.after(made, 500, "", ahead_s, 0.5)
    assert (tried.status, tried.next_at_s) == ("retrying", ahead_s + webhooks.AGAIN_S_MIN)
    for _ in range(webhooks.TRIED_MIN):
        tried = webhooks.after(tried, 500, "", ahead_s, 0.5)
    assert tried.status == "failed"


def test_a_drain_that_fails_since_a_time_to_come_is_told_as_failing() -> None:
    shipped = Shipped("d-1", AppId("a"), failing_since_s=NOW_S + YEAR_S)
    assert drains.state(shipped, NOW_S) == "failing"


def test_a_drain_that_failed_just_now_is_tried_again_though_now_was_asked_before() -> None:
    shipped = Shipped("d-1", AppId("a"), failing_since_s=NOW_S + 0.2)
    assert drains.state(shipped, NOW_S) == "retrying"


def test_a_jump_counts_from_right_after_it() -> None:
    assert clock.words(Jump(YEAR_S, NOW_S)) == "the clock jumped 31536000 s (365 d) ahead"
    assert clock.words(Jump(-600.0, NOW_S)) == "the clock jumped 600 s back"
