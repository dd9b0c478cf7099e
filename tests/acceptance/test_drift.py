"""What outsiders do to a running app, as its owner is told of it; and an app that is left alone."""

import os
import signal
from collections.abc import Iterator

import pytest

from setpoint.drivers.local import records
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        yield plane


def kill_web(plane: Plane) -> None:
    """As somebody who took it for a process of their own."""
    (identity,) = [record.identity for *_, record in records.load(plane.runtime / "inst")]
    assert identity is not None
    os.kill(identity.inner_pid, signal.SIGKILL)


def drift(plane: Plane) -> list[tuple[str, bool]]:
    return [(d["what"], d["repaired_s"] is not None) for d in plane.info("shop")["drift"]]


KILLED = "web.1 was killed by an outsider (signal 9)"


def test_a_kill_is_named_with_its_repair_and_a_frozen_app_is_left_until_it_is_thawed(
    served: Plane,
) -> None:
    kill_web(served)
    until(lambda: drift(served) == [(KILLED, True)], 60, "the kill is told, and its repair")
    until(lambda: served.cli("status", "shop").code == 0, 60, "it is settled again")
    assert f"drift: {KILLED}" in served.ok("status", "shop").out
    assert served.get("shop").status == 200

    served.ok("freeze", "shop", "--until", "1h", "-m", "we look for a leak")
    kill_web(served)
    until(lambda: served.cli("status", "shop").code == 3, 60, "it is told that it waits")
    told = served.cli("status", "shop").out
    assert "frozen by" in told
    assert "we look for a leak" in told
    assert "so this waits: 0 of 1 web instances of v1 are ready" in told
    deployed = served.cli("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    assert deployed.code == 3
    assert "it is frozen, so what was built waits" in deployed.err
    assert served.info("shop")["dynos"] == []

    served.ok("unfreeze", "shop")
    assert served.get("shop").status == 200
    assert served.info("shop")["release"]["version"] == 2
    assert "Freeze shop until" in served.ok("why", "shop", "-n", "5").out
