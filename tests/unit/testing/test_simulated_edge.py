"""Envoy confirms whatever the simulated edge has, whoever put it there."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.route import Backend, Route
from setpoint.testing.builders import APP
from setpoint.testing.edge import ACK_S, SimEdge
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.supervisor import SimSupervisor

OTHER = AppId("7b1f6a52-0000-4000-8000-000000000002")
HOSTS = ("shop.localhost", "www.example.com")
SERVES = Backend(HOSTS, "web", "web", SetKey(APP, "web", "ab" * 32))
ROUTE = Route(APP, "shop", (SERVES,), Fence(1, 1))


async def _spoil(edge: SimEdge) -> None:
    edge.spoil(APP)


async def _let_go(edge: SimEdge) -> None:
    """It waits for another's host, and has one less meanwhile."""
    api = Backend(("api.localhost",), "web", "web", None)
    await edge.ensure_route(Route(OTHER, "api", (api,), Fence(1, 1)), None, "")
    trade = replace(SERVES, hosts=("shop.localhost", "api.localhost"))
    with pytest.raises(Transient):
        await edge.ensure_route(replace(ROUTE, backends=(trade,)), None, "")


@pytest.mark.parametrize("before_s", [0.0, 1.0])
@pytest.mark.parametrize("change", [_spoil, _let_go])
def test_a_route_that_was_changed_before_it_was_confirmed_is_confirmed_as_it_is(
    change: Callable[[SimEdge], Awaitable[None]], before_s: float
):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        edge = SimEdge(loop, SimSupervisor(loop, Machine(loop)))
        await edge.ensure_route(ROUTE, None, "")
        await asyncio.sleep(before_s)
        await change(edge)
        await asyncio.sleep(2 * ACK_S)
        facts = edge.routes[APP]
        assert not facts.route.same_as(ROUTE)
        assert facts.acked

    run(main(), random.Random(1))
