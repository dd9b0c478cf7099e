"""Routes that outsiders take away from the real edge: noticed, named, and given back."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from msgspec.structs import replace

from setpoint.drivers.envoy.client import EdgeClient
from setpoint.model.route import RouteFacts
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until

T = TypeVar("T")
PERIOD_S = 30.0
"""In which every app is looked at, whoever forgot to ring."""
GONE = "shop should be routed and is not"
OTHER = "the edge has another route for shop than it was given"


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        yield plane


def edge(plane: Plane, call: Callable[[EdgeClient], Awaitable[T]]) -> T:
    """As the daemon speaks to it; so may whoever is root, or who started Setpoint."""
    socket = plane.runtime / "edge.sock"

    async def once() -> T:
        return await call(EdgeClient(socket))

    return asyncio.run(once())


def route(plane: Plane) -> RouteFacts:
    (facts,) = edge(plane, routes)
    return facts


async def routes(client: EdgeClient) -> list[RouteFacts]:
    return [one async for part in client.everything() for one in part]


def told(plane: Plane) -> list[tuple[str, bool]]:
    return [(d["what"], d["repaired_s"] is not None) for d in plane.info("shop")["drift"]]


def given_back(plane: Plane, what: str, since: list[tuple[str, bool]]) -> None:
    """`since`: what had been told before."""
    times = since.count((what, True)) + 1
    until(lambda: told(plane).count((what, True)) == times, 2 * PERIOD_S + 60, f"{what} is told")
    until(lambda: plane.get("shop").status == 200, 60, "visitors are served again")
    until(lambda: plane.cli("status", "shop").code == 0, 60, "it is settled again")


def test_a_route_that_somebody_dropped_is_given_back_and_told(served: Plane) -> None:
    had, before = route(served).route, told(served)
    edge(served, lambda e: e.remove_route(had.app, had.fence))
    given_back(served, GONE, before)
    assert f"drift: {GONE}" in served.ok("status", "shop").out
    assert "[missing]: succeeded" in served.ok("why", "shop").out
    assert route(served).route.same_as(had)


def test_a_route_that_somebody_led_elsewhere_is_led_back_and_told(served: Plane) -> None:
    had, before = route(served).route, told(served)
    astray = replace(had, backends=tuple(replace(b, target=None) for b in had.backends))
    edge(served, lambda e: e.ensure_route(astray, None, ""))
    given_back(served, OTHER, before)
    assert route(served).route.same_as(had)


def test_an_edge_whose_memory_somebody_wiped_is_told_everything_again(served: Plane) -> None:
    had, before = route(served).route, told(served)
    pid = served.pid("edge_agent")
    os.kill(pid, signal.SIGSTOP)
    for path in (served.data / "edge").iterdir():
        if path.is_file():
            path.unlink()
    os.kill(pid, signal.SIGKILL)
    given_back(served, GONE, before)
    assert route(served).route.same_as(had)
