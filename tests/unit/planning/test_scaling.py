"""When the load wants one more instance, and when one less will do."""

import pytest
from msgspec.structs import replace

from setpoint.model.process import Bounds, Drain, Exit, Instance, Load, Phase, Start
from setpoint.planning.scaling import DOWN_S, UP_S, may_queue, noted
from setpoint.planning.standing import decide
from setpoint.testing import builders

NOW_S = 10_000.0
READY_S = NOW_S - 1000.0


def instance(ordinal: int, ready_at_s: float = READY_S) -> Instance:
    return builders.instance(ordinal, started_at_s=ready_at_s - 1, ready_at_s=ready_at_s)


def seen(*in_flight: int, every_s: float = 1.0, last_s: float = NOW_S) -> tuple[Load, ...]:
    """Told at regular times, the last one at `last_s`."""
    loads: tuple[Load, ...] = ()
    for n, count in enumerate(in_flight):
        loads = noted(loads, Load(last_s - (len(in_flight) - 1 - n) * every_s, count))
    return loads


def acts(up: list[Instance], loads: tuple[Load, ...], bounds: Bounds, **facts: object):
    order = builders.order(bounds)
    more = {"loads": loads, "last_used_s": NOW_S, "ever_ready": True, **facts}
    return decide(order, builders.facts(order, *up, **more), NOW_S)


BOUNDS = Bounds(1, 3, concurrency=10)
LONG = int(DOWN_S) + 2


def test_a_crowd_that_lasts_starts_one_more() -> None:
    (act,) = acts([instance(1)], seen(*[25] * 5), BOUNDS).acts
    assert isinstance(act, Start)
    assert act.because == "25 requests or more in hand for 3 s, 10 for each of 1 intended"


@pytest.mark.parametrize("loads", [(25, 25, 25, 9, 25, 25), (25, 25), (10, 10, 10, 10, 10)])
def test_a_moments_crowd_does_not(loads: tuple[int, ...]) -> None:
    assert not acts([instance(1)], seen(*loads), BOUNDS).acts


def test_one_that_is_coming_is_awaited() -> None:
    coming = builders.instance(2, Phase.STARTING, started_at_s=NOW_S - 1)
    assert not acts([instance(1), coming], seen(*[50] * 5), BOUNDS).acts


def test_what_one_more_has_changed_is_seen_first() -> None:
    up = [instance(1), instance(2, NOW_S - UP_S / 2)]
    assert not acts(up, seen(*[50] * 5), BOUNDS).acts


def test_there_are_never_more_than_intended() -> None:
    assert not acts([instance(n) for n in (1, 2, 3)], seen(*[500] * 5), BOUNDS).acts


def test_a_fixed_count_stays() -> None:
    assert not acts([instance(1)], seen(*[500] * 5), Bounds(1, 1, concurrency=10)).acts


def test_an_edge_that_tells_nothing_any_more_starts_nothing() -> None:
    assert not acts([instance(1)], seen(*[50] * 5, last_s=NOW_S - 10), BOUNDS).acts


def test_room_that_lasts_stops_one() -> None:
    up = [instance(n) for n in (1, 2, 3)]
    (act,) = acts(up, seen(*[13] * LONG), BOUNDS).acts
    assert isinstance(act, Drain)
    assert act.instance == up[2].id
    assert act.because == "13 requests or fewer in hand for 60 s, room enough with 2"


def test_one_look_without_room_keeps_them_all() -> None:
    up = [instance(n) for n in (1, 2, 3)]
    told = acts(up, seen(*[13] * 30, 15, *[13] * 30), BOUNDS)
    assert not told.acts
    assert told.look_again_s == pytest.approx(DOWN_S - 29)


def test_nothing_comes_and_goes() -> None:
    """Whatever the load is, one less is not followed by one more."""
    for load in range(100):
        up = [instance(n) for n in (1, 2, 3)]
        fewer = [a for a in acts(up, seen(*[load] * LONG), BOUNDS).acts if isinstance(a, Drain)]
        left = up[: len(up) - len(fewer)]
        assert not fewer or not acts(left, seen(*[load] * 5), BOUNDS).acts


def test_at_rest_it_comes_down_one_by_one() -> None:
    """No load is told at rest."""
    up = [instance(1), instance(2)]
    (act,) = acts(up, seen(9, 0, last_s=NOW_S - DOWN_S), replace(BOUNDS, idle_s=3600.0)).acts
    assert isinstance(act, Drain)
    assert not acts(up[:1], seen(0, last_s=NOW_S - 500), replace(BOUNDS, idle_s=3600.0)).acts


def test_what_one_less_has_changed_is_seen_first() -> None:
    up = [instance(1), instance(2)]
    leaving = builders.instance(3, Phase.STOPPING, stop_at_s=NOW_S - 1)
    assert not acts([*up, leaving], seen(*[3] * LONG), BOUNDS).acts
    ended = Exit(0, NOW_S - DOWN_S / 2, expected=True)
    told = acts(up, seen(*[3] * LONG), BOUNDS, last_exit=ended)
    assert not told.acts
    assert told.look_again_s == pytest.approx(DOWN_S / 2)


def test_one_that_may_sleep_is_kept_awake_until_it_is_idle() -> None:
    bounds = Bounds(0, 3, idle_s=3600.0, concurrency=10)
    assert not acts([instance(1)], seen(0, last_s=NOW_S - 500), bounds).acts


def test_an_edge_that_went_silent_under_load_stops_nothing() -> None:
    up = [instance(1), instance(2)]
    assert not acts(up, seen(*[3] * 5, last_s=NOW_S - 300), replace(BOUNDS, idle_s=3600.0)).acts


def test_what_is_remembered_is_bounded() -> None:
    loads = seen(*range(500))
    assert len(loads) <= DOWN_S + 2
    assert loads[0].at_s <= NOW_S - DOWN_S


# --- few requests, and yet somebody waits ---


def test_one_that_cannot_get_along_with_little_is_joined_by_another() -> None:
    few = seen(*[2] * 5)
    (act,) = acts([instance(1)], few, BOUNDS, queued_since_s=NOW_S - UP_S).acts
    assert isinstance(act, Start)
    assert act.because == "for 3 s requests have been waiting before it accepts them"
    two = [instance(1), instance(2)]
    (act,) = acts(two, few, BOUNDS, queued_since_s=NOW_S - UP_S).acts
    assert act.because == "for 3 s requests have been waiting before any of 2 accepts them"


def test_a_moments_queue_starts_nothing() -> None:
    few = seen(*[2] * 5)
    for since_s in (None, NOW_S - UP_S / 2):
        assert not acts([instance(1)], few, BOUNDS, queued_since_s=since_s).acts
    newer = [instance(1), instance(2, NOW_S - UP_S / 2)]
    assert not acts(newer, few, BOUNDS, queued_since_s=NOW_S - 2 * UP_S).acts
    full = [instance(1), instance(2), instance(3)]
    assert not acts(full, few, BOUNDS, queued_since_s=NOW_S - UP_S).acts


def test_what_made_one_too_few_keeps_two_for_as_long_as_it_lasts() -> None:
    two = [instance(1), instance(2)]
    assert not acts(two, seen(*[2] * LONG), BOUNDS, crowd=2.0).acts
    (act,) = acts(two, seen(*[1] * LONG), BOUNDS, crowd=2.0).acts
    assert isinstance(act, Drain)


def test_queues_are_looked_at_only_where_it_matters() -> None:
    order = builders.order(BOUNDS)
    busy = builders.facts(order, instance(1), in_flight=1)
    assert may_queue(order, busy)
    assert not may_queue(order, replace(busy, in_flight=0))
    assert not may_queue(order, replace(busy, retiring=True))
    assert not may_queue(replace(order, bounds=Bounds(1, 1)), busy)
    assert not may_queue(builders.order(BOUNDS, kind="function"), busy)
