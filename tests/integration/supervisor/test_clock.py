"""Ten minutes pass, or somebody sets the clock, while an app starts: on a supervisor whose clock
the test moves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.model.app import DEFAULT_PROBE
from setpoint.model.process import Bounds, Phase, SetOrder
from setpoint.policy.limits import BOOT_S_MAX
from tests.integration.supervisor.plane import Plane, clocked_plane
from tests.integration.supervisor.test_probes import program
from tests.support.processes import descendants

DAY_S = 86400.0
WARMS_UP = """
import signal
warm = []
signal.signal(signal.SIGUSR1, lambda *_: warm.append(True))
""" + program("answer(peer, 200 if warm else 503, b'warming up')")
"""It answers badly until a signal tells it that it is warm."""


@pytest.fixture
def plane(python: str) -> Iterator[Plane]:
    made = clocked_plane(python)
    try:
        made.up()
        yield made
    finally:
        made.clear()


def starting(plane: Plane) -> SetOrder:
    """It may take as long as an app may at most, and has answered badly."""
    bounds = Bounds(1, 1, boot_s_max=BOOT_S_MAX)
    order = plane.order("shop", WARMS_UP, bounds=bounds, attempts_max=3, probe=DEFAULT_PROBE)
    plane.apply(order)
    plane.when(order, lambda facts: facts.last_probe is not None)
    return order


def warm_up(plane: Plane) -> None:
    """Every process of it: which one is the server, depends on the level of isolation."""
    (inner,) = plane.pids().values()
    for pid in (inner, *descendants(inner)):
        if b"main.py" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGUSR1)


def test_a_probe_that_is_answered_just_before_ten_minutes_are_over_is_in_time(plane: Plane) -> None:
    order = starting(plane)
    (before,) = plane.facts(order).instances
    plane.move_clock(passed_s=BOOT_S_MAX - 30)
    (still,) = plane.facts(order).instances
    assert (still.id, still.phase) == (before.id, Phase.STARTING)
    warm_up(plane)
    (web,) = plane.ready(order)
    assert web.id == before.id


def test_a_probe_that_is_answered_only_after_ten_minutes_is_too_late(plane: Plane) -> None:
    order = starting(plane)
    plane.move_clock(passed_s=BOOT_S_MAX + 1)
    facts = plane.when(order, lambda facts: facts.gave_up)
    assert facts.last_exit is not None
    assert facts.last_exit.timed_out
    assert facts.last_probe is not None
    assert (facts.last_probe.status, facts.last_probe.body) == (503, "warming up")
    assert (facts.instances, facts.ever_ready) == ((), False)
    plane.says("shop", "Error R10 (Boot timeout) -> Web process answered 503 to GET /")


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S], ids=["ahead", "back"])
def test_a_clock_that_was_set_neither_ends_nor_prolongs_a_start(plane: Plane, by_s: float) -> None:
    order = starting(plane)
    (before,) = plane.facts(order).instances
    plane.move_clock(set_s=by_s)
    plane.move_clock(passed_s=BOOT_S_MAX - 30)
    (still,) = plane.facts(order).instances
    assert (still.id, still.phase) == (before.id, Phase.STARTING)
    plane.move_clock(passed_s=31)
    plane.when(order, lambda facts: facts.gave_up)
