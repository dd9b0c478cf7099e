"""How many invocations one instance of a function runs at once is as it was said."""

import threading

import pytest
from msgspec.structs import replace

from setpoint.model.process import Bounds, SetOrder
from tests.integration.supervisor.functions import ask, with_main, with_spec
from tests.integration.supervisor.plane import Plane

CALLERS = 4
MAIN = """
import asyncio

running = 0

async def function(event, context):
    global running
    running += 1
    await asyncio.sleep(0.7)
    seen, running = running, running - 1
    return {"running": seen}
"""


@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_instance_takes_no_more_than_that_and_everybody_is_answered(
    plane: Plane, order: SetOrder, concurrency: int
) -> None:
    order = with_spec(order, code=with_main(plane, MAIN), concurrency=concurrency)
    order = replace(order, bounds=Bounds(1, 1, concurrency=concurrency))
    plane.apply(order)
    plane.ready(order)
    seen: list[int] = []
    callers = [
        threading.Thread(target=lambda: seen.append(ask(plane, order)["running"]))
        for _ in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(seen) == CALLERS
    assert max(seen) == concurrency
