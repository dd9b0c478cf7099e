"""Small parts of the supervisor that need no process."""

import asyncio

import pytest
from msgspec.structs import replace

from setpoint.drivers.local import facts as change
from setpoint.drivers.local.control import FOLLOW_LINES_MAX, LineQueue
from setpoint.drivers.local.hub import Hub
from setpoint.drivers.local.pipes import BURST_BYTES, BYTES_PER_S, Budget
from setpoint.drivers.local.sockets import watch_wanted
from setpoint.formats.control import LogLine
from setpoint.model.ids import InstanceId
from setpoint.model.process import Bounds
from tests.unit.drivers.test_facts import HERE, KEY, ONE, ORDER, new, ready


def test_a_cold_queue_is_watched_and_a_starting_one_is_awaited() -> None:
    cold = replace(new(), bounds=Bounds(0, 2))
    assert watch_wanted(cold) == "at once"
    assert watch_wanted(replace(cold, waiting=1)) == "off"
    assert watch_wanted(replace(cold, retiring=True)) == "off"
    assert watch_wanted(change.started(cold, ONE, 1, 0.0)) == "off"


def test_a_warm_queue_is_watched_for_business_until_nothing_more_may_start() -> None:
    assert watch_wanted(replace(ready(), bounds=Bounds(0, 2))) == "when busy"
    assert watch_wanted(replace(ready(), bounds=Bounds(0, 1))) == "off"


def test_a_slow_listener_misses_steps_but_not_the_last() -> None:
    async def story() -> None:
        hub = Hub()
        listener = hub.subscribe()
        for waiting in range(5):
            hub.tell_set(KEY, replace(new(), waiting=waiting))
        other = replace(KEY, process="other")
        hub.tell_set(other, None)
        first, second = await listener.next()
        assert first.facts is not None
        assert (first.facts.waiting, second.key, second.facts) == (4, other, None)
        hub.unsubscribe(listener)
        hub.tell_set(KEY, None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await listener.next()

    asyncio.run(story())


def test_a_slow_follower_is_told_how_many_lines_it_missed() -> None:
    async def story() -> None:
        queue = LineQueue(lambda: 7.0)
        for n in range(FOLLOW_LINES_MAX + 3):
            queue.put(LogLine(1.0, "app", "web.1", str(n)))
        *lines, last = await queue.take()
        assert len(lines) == FOLLOW_LINES_MAX
        assert "3 messages left out" in last.text

    asyncio.run(story())


def test_a_budget_lets_a_burst_through_and_then_the_steady_rate() -> None:
    budget = Budget(100.0)
    assert budget.take(BURST_BYTES, 100.0)
    assert not budget.take(1000, 100.0)
    assert budget.take(BYTES_PER_S, 101.0)
    assert not budget.take(BYTES_PER_S, 101.5)


def test_one_instances_end_is_nobody_elses() -> None:
    two = InstanceId("web.2-bbbbbb")
    facts = change.became_ready(change.started(ready(), two, 2, 10.0), two, HERE, 11.0)
    facts = change.drained(change.draining(facts, two, 12.0), two)
    left = change.find(facts, ONE)
    assert left is not None
    assert left.stop_at_s is None
    assert ORDER.key == facts.key
