"""A web app grows and shrinks by what the edge says it has in hand, on a clock the test moves."""

import contextlib
import time

import pytest
from msgspec.structs import replace

from setpoint.formats.control import Activity
from setpoint.model.process import Bounds, SetOrder
from setpoint.planning.scaling import DOWN_S
from setpoint.planning.standing import DRAIN_S_MAX
from tests.integration.supervisor.plane import Plane, dial
from tests.integration.supervisor.programs import WEB
from tests.support.waiting import until


@pytest.fixture
def plane(on_clock: Plane) -> Plane:
    return on_clock


@pytest.fixture
def order(plane: Plane) -> SetOrder:
    bounds = Bounds(1, 3, idle_s=7200.0, concurrency=10)
    order = plane.order("shop", WEB, bounds=bounds)
    plane.apply(order)
    plane.ready(order)
    return order


def busy(plane: Plane, order: SetOrder, in_flight: int, for_s: int) -> None:
    """So many in hand, told every second."""
    for _ in range(for_s):
        plane.move_clock(passed_s=1.0)
        plane.tell(Activity(order.key, in_flight, time.time()))


def test_it_grows_while_it_is_crowded_and_no_further_than_intended(
    plane: Plane, order: SetOrder
) -> None:
    for count in (2, 3):
        busy(plane, order, 100, for_s=5)
        plane.ready(order, count)
    busy(plane, order, 100, for_s=10)
    assert len(plane.facts(order).up) == 3
    told = [act.because for act in plane.run(lambda driver: driver.acts(0))]
    assert "100 requests or more in hand for 3 s, 10 for each of 1 intended" in told


def test_a_crowd_of_a_moment_starts_nothing(plane: Plane, order: SetOrder) -> None:
    busy(plane, order, 100, for_s=2)
    busy(plane, order, 5, for_s=10)
    assert len(plane.facts(order).up) == 1


def test_it_shrinks_one_by_one_once_there_is_room(plane: Plane, order: SetOrder) -> None:
    for count in (2, 3):
        busy(plane, order, 100, for_s=5)
        plane.ready(order, count)
    for left in (2, 1):
        busy(plane, order, 3, for_s=int(DOWN_S) + 1)
        plane.when(order, lambda facts: len(facts.up) == left)  # noqa: B023
        plane.move_clock(passed_s=DRAIN_S_MAX)  # no edge says that it is drained
        busy(plane, order, 3, for_s=1)
        plane.when(order, lambda facts: len(facts.instances) == left)  # noqa: B023
        # Its end comes in real time, and the next window begins with it.
    busy(plane, order, 0, for_s=int(DOWN_S) + 1)
    assert len(plane.facts(order).up) == 1


def test_one_that_leaves_few_waiting_is_joined_by_another_and_keeps_it(plane: Plane) -> None:
    """It answers one after the other, so of two requests one waits, which `concurrency` allows."""
    code = WEB.replace("ThreadingHTTPServer", "HTTPServer").replace(
        "def do_GET(self):\n", "def do_GET(self):\n        import time; time.sleep(600)\n"
    )
    single = plane.order("single", code, bounds=Bounds(1, 2, idle_s=7200.0, concurrency=10))
    single = replace(single, probe=None)
    plane.apply(single)
    (one,) = plane.ready(single)
    with contextlib.ExitStack() as visitors:
        for _ in range(2):
            peer = visitors.enter_context(dial(one))
            peer.sendall(b"GET / HTTP/1.1\r\nHost: single\r\n\r\n")

        def grown() -> bool:
            busy(plane, single, 2, for_s=5)
            return len(plane.facts(single).ready) == 2

        until(grown, what="there is another")
        told = [act.because for act in plane.run(lambda driver: driver.acts(0))]
        assert "for 3 s requests have been waiting before it accepts them" in told
        busy(plane, single, 2, for_s=2 * int(DOWN_S))
        assert len(plane.facts(single).up) == 2
    busy(plane, single, 1, for_s=int(DOWN_S) + 1)
    plane.when(single, lambda facts: len(facts.up) == 1)


def test_what_was_told_before_the_supervisor_ended_is_not_believed(
    plane: Plane, order: SetOrder
) -> None:
    busy(plane, order, 100, for_s=5)
    plane.ready(order, 2)
    plane.signal_supervisor(9)
    busy(plane, order, 3, for_s=int(DOWN_S) // 2)
    assert len(plane.facts(order).up) == 2


def test_a_fixed_number_is_left_alone(plane: Plane, order: SetOrder) -> None:
    fixed = replace(order, bounds=replace(order.bounds, max=1))
    plane.apply(fixed)
    busy(plane, fixed, 100, for_s=10)
    assert len(plane.facts(fixed).up) == 1
