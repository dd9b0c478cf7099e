"""What is wrong with the whole installation is told wherever somebody looks, and to whoever asks
for a Change; and is over by itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from setpoint.model.errors import StoreError, StoreFull
from setpoint.model.retention import Ground
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.cli.conftest import Cli

YEAR_S = 365 * 86_400.0


def condition(plane: Plane, type_: str) -> dict[str, Any]:
    """Once both who tell it say the same: it may flip in between."""

    def told(path: str) -> dict[str, Any]:
        every = plane.send("GET", path, token="look-token").json["conditions"]
        return next(c for c in every if c["type"] == type_)

    return until(lambda: (here := told("/v1/status")) == told("/v1/doctor") and here) or {}


def metric(plane: Plane, type_: str, reason: str) -> str:
    text = plane.send("GET", "/v1/metrics").body.decode()
    head = f'setpoint_condition{{condition="{type_}",reason="{reason}"}} '
    return next(line.removeprefix(head) for line in text.splitlines() if line.startswith(head))


@pytest.fixture
def whole(plane: Plane) -> Iterator[Plane]:
    """As it was, once the test is over."""
    yield plane
    plane.ground, plane.ahead_s = Ground(), 0.0
    until(lambda: condition(plane, "StoreWritable")["status"])


def refuse(plane: Plane, error: StoreError) -> None:
    async def refused() -> None:
        plane.store._writer.refusal = error

    plane.call(refused())


def test_all_is_well(whole: Plane, cli: Cli) -> None:
    assert condition(whole, "StoreWritable")["reason"] == "Writable"
    assert condition(whole, "ClockSteady")["reason"] == "Steady"
    assert metric(whole, "StoreWritable", "Writable") == "1.0"
    assert " since " not in cli("status").out + cli("doctor").out


def test_a_store_without_room(whole: Plane, cli: Cli, deployed: Callable[[str], None]) -> None:
    whole.ground = Ground(roomy=False)
    refuse(whole, StoreFull("cannot write to the store: the disk is full"))
    until(lambda: not condition(whole, "StoreWritable")["status"])
    found = condition(whole, "StoreWritable")
    assert found["reason"] == "StoreFull"
    assert found["message"].startswith("the store takes no writes: its disk is full; free some")
    assert metric(whole, "StoreWritable", "StoreFull") == "0.0"
    for command in ("status", "doctor"):
        ran = cli(command)
        (line,) = (line for line in ran.out.splitlines() if "StoreFull since " in line)
        assert found["message"] in line
    whole.ground = Ground()
    until(lambda: condition(whole, "StoreWritable")["status"])
    assert "StoreFull" not in cli("status").out


def test_a_clock_that_jumped_and_is_put_right(whole: Plane, cli: Cli) -> None:
    whole.ahead_s = YEAR_S
    until(lambda: not condition(whole, "ClockSteady")["status"])
    assert "ClockJumped since " in cli("status").out
    assert "the clock jumped 31536000 s (365 d) ahead, to " in cli("doctor").out
    assert metric(whole, "ClockSteady", "ClockJumped") == "0.0"
    whole.ahead_s = 0.0
    until(lambda: condition(whole, "ClockSteady")["status"])
    assert "ClockJumped" not in cli("status").out
