"""Names in, names out: nothing lost, nothing twice at the same time."""

import pytest

from setpoint.converge.queue import Priority, Queue
from setpoint.model.ids import AppId
from setpoint.testing.clock import ManualClock

SHOP, API, DOCS = AppId("shop"), AppId("api"), AppId("docs")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


@pytest.fixture
def queue(clock: ManualClock) -> Queue:
    return Queue(clock)


def taken(queue: Queue) -> AppId | None:
    apps = queue.take(1)
    return apps[0] if apps else None


def test_many_wakes_of_one_app_are_one_pass(queue: Queue):
    for _ in range(5):
        queue.add(SHOP)
    assert taken(queue) == SHOP
    assert taken(queue) is None


def test_a_wake_during_a_pass_is_a_second_pass_afterwards(queue: Queue):
    queue.add(SHOP)
    assert taken(queue) == SHOP
    queue.add(SHOP)
    assert taken(queue) is None, "one pass per app at a time"
    queue.done(SHOP)
    assert taken(queue) == SHOP


def test_a_pass_without_a_new_wake_is_over_when_it_is_done(queue: Queue):
    queue.add(SHOP)
    taken(queue)
    queue.done(SHOP)
    assert taken(queue) is None


def test_who_asked_comes_before_timers_and_these_before_the_resync(
    queue: Queue, clock: ManualClock
):
    queue.add(SHOP, Priority.RESYNC)
    queue.add_later(API, 1.0)
    clock.advance(2.0)
    queue.add(DOCS)
    assert [taken(queue) for _ in range(3)] == [DOCS, API, SHOP]


def test_a_fresh_wake_overtakes_the_same_apps_place_in_the_resync(queue: Queue):
    queue.add(SHOP, Priority.RESYNC)
    queue.add(API, Priority.RESYNC)
    queue.add(API)
    assert [taken(queue) for _ in range(3)] == [API, SHOP, None]


def test_a_resync_does_not_demote_a_fresh_wake(queue: Queue):
    queue.add(API, Priority.RESYNC)
    queue.add(SHOP)
    queue.add(SHOP, Priority.RESYNC)
    assert taken(queue) == SHOP


def test_a_timer_rings_when_it_is_due_and_not_before(queue: Queue, clock: ManualClock):
    queue.add_later(SHOP, 10.0)
    clock.advance(9.0)
    assert taken(queue) is None
    assert queue.next_due() == pytest.approx(10.0)
    clock.advance(1.0)
    assert taken(queue) == SHOP
    assert queue.next_due() is None


def test_of_two_timers_the_earlier_counts(queue: Queue, clock: ManualClock):
    queue.add_later(SHOP, 10.0)
    queue.add_later(SHOP, 2.0)
    queue.add_later(SHOP, 5.0)
    clock.advance(2.0)
    assert taken(queue) == SHOP
    queue.done(SHOP)
    clock.advance(20.0)
    assert taken(queue) is None


def test_a_pass_makes_its_timer_superfluous(queue: Queue, clock: ManualClock):
    queue.add_later(SHOP, 10.0)
    queue.add(SHOP)
    assert taken(queue) == SHOP
    queue.done(SHOP)
    clock.advance(20.0)
    assert taken(queue) is None


def test_who_is_taken_together_has_one_priority(queue: Queue):
    queue.add(SHOP, Priority.RESYNC)
    queue.add(API)
    queue.add(DOCS)
    assert queue.take(1) == [API]
    queue.add(API)
    assert queue.take(5) == [DOCS], "one that is worked on waits for its turn"
    assert queue.take(5) == [SHOP]
    assert queue.take(5) == []
    queue.done(API)
    assert queue.take(5) == [API]
