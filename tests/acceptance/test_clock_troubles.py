"""Somebody sets the clock of the machine, a year ahead and right again or back, under a real
Setpoint with two apps: it is said by name, nothing is removed for it, and both go on."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until
from tests.acceptance.test_full_disk import instances
from tests.support.clocks import Clock, clocked_python

YEAR_S = 365 * 86_400.0


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Where the users that the plane takes may read it."""
    folder = Path(tempfile.mkdtemp(prefix="setpoint-clock-"))
    folder.chmod(0o755)
    yield clocked_python(folder)
    shutil.rmtree(folder)


@pytest.fixture
def plane(clock: Clock) -> Iterator[Plane]:
    with fresh_plane(start=False) as plane:
        plane.python = str(clock.python)
        plane.up()
        for app in ("shop", "other"):
            plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", app)
            plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", app)
        yield plane


def steady(plane: Plane) -> dict[str, Any]:
    told = plane.api("GET", "/v1/status").json["conditions"]
    (found,) = (c for c in told if c["type"] == "ClockSteady")
    return found


def kept(plane: Plane) -> list[Any]:
    """What retention could take."""
    found: list[Any] = []
    for app in ("shop", "other"):
        found.append(plane.ok("why", app, "-n", "100").out.count("\n"))
        found.append([r["version"] for r in plane.api("GET", f"/apps/{app}/releases").json])
    folders = [plane.data / "layers", plane.data / "sources"]
    return [*found, *(sorted(p.name for p in folder.iterdir()) for folder in folders)]


def both_go_on(plane: Plane, count: int) -> None:
    for app in ("shop", "other"):
        assert plane.get(app).status == 200
        plane.ok("scale", app, f"web={count}")
    assert len(instances(plane)) == 2 * count


@pytest.mark.parametrize("by_s", [YEAR_S, -YEAR_S], ids=["ahead", "back"])
def test_a_clock_that_is_set_to_another_year_and_right_again(
    plane: Plane, clock: Clock, by_s: float
) -> None:
    assert steady(plane)["status"]
    before, running = kept(plane), instances(plane)
    clock.set(by_s)
    until(lambda: not steady(plane)["status"], 30, plane.tails())
    found = steady(plane)
    assert found["reason"] == "ClockJumped"
    assert "(365 d)" in found["message"]
    for command in ("status", "doctor"):
        assert "ClockJumped since " in plane.cli(command).out
    ran = plane.cli("gc", "--json")
    assert "the clock jumped" in ran.json["left"]
    assert instances(plane) == running
    both_go_on(plane, 2)
    plane.kill("daemon")
    until(lambda: not steady(plane)["status"], 30, f"the next one doubts it too\n{plane.tails()}")
    assert "the clock jumped" in plane.cli("gc", "--json").json["left"]
    clock.set(0.0)
    until(lambda: steady(plane)["status"], 30, plane.tails())
    both_go_on(plane, 1)
    after = kept(plane)
    assert (after[1], after[3], after[4:]) == (before[1], before[3], before[4:])
    assert after[0] > before[0]
    assert plane.cli("status").code == 0
