"""A disk with no byte left under a real Setpoint: what cannot be kept is refused, and lost is
nothing."""

import os
import signal
from collections.abc import Iterator

import pytest

from setpoint.drivers.local import records
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.sandbox import alive
from tests.acceptance.plane import EXAMPLES, Answer, Load, Plane, until
from tests.support.disks import fill, plane_on_disk
from tests.support.processes import held_still

VALUE = "v" * 60_000
CHANGES_MAX = 20
"""far more than fit into what the store may have set aside"""


@pytest.fixture
def small_disk() -> Iterator[Plane]:
    with plane_on_disk(64) as plane:
        yield plane


def set_config(plane: Plane, key: str) -> Answer:
    return plane.api("PATCH", "/apps/tight/config-vars", {key: VALUE})


def instances(plane: Plane) -> list[int]:
    """Their processes, by the supervisor's records."""
    found = records.load(Paths.of(plane.data).instances)
    identities = [record.identity for _, _, record in found]
    return [who.inner_pid for who in identities if who is not None and alive(who)]


def story(plane: Plane) -> tuple[set[str], str, int]:
    """What is intended and remembered: config, generation, how many Changes."""
    config = plane.api("GET", "/apps/tight/config-vars").json
    changes = plane.ok("why", "tight", "-n", "100").out.count("Set K")
    return set(config), plane.info("tight")["generation"], changes


def test_a_change_that_the_disk_has_no_room_for_is_answered_503_and_is_not_there(
    small_disk: Plane,
) -> None:
    plane = small_disk
    plane.ok("create", "tight")
    ballast = fill(plane.data)
    accepted: set[str] = set()
    while (answer := set_config(plane, f"K{len(accepted)}")).status == 200:
        accepted.add(f"K{len(accepted)}")
        assert len(accepted) < CHANGES_MAX
    refused = f"K{len(accepted)}"
    assert (answer.status, answer.json["id"]) == (503, "store_unavailable")
    assert answer.json["message"].startswith("cannot write to the store: the disk is full\n")
    assert VALUE not in answer.text
    before = story(plane)
    assert (before[0], before[2]) == (accepted, len(accepted))
    told = plane.cli("config", "tight", f"{refused}={VALUE}")
    assert (told.code, "the disk is full" in told.err, "Traceback" in told.err) == (1, True, False)
    assert story(plane) == before
    ballast.unlink()
    assert set_config(plane, refused).status == 200
    assert story(plane)[0] == accepted | {refused}


def test_what_was_refused_on_a_full_disk_is_not_there_after_a_crash_either(
    small_disk: Plane,
) -> None:
    plane = small_disk
    plane.ok("create", "tight")
    ballast = fill(plane.data)
    accepted = [f"K{n}" for n in range(CHANGES_MAX) if set_config(plane, f"K{n}").status == 200]
    assert len(accepted) < CHANGES_MAX
    plane.kill("daemon")
    ballast.unlink()
    assert set(plane.api("GET", "/apps/tight/config-vars").json) == set(accepted)


def test_a_daemon_that_dies_on_a_full_disk_comes_back_and_apps_notice_nothing(
    small_disk: Plane,
) -> None:
    plane = small_disk
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    ballast = fill(plane.data)
    for name in ("daemon", "supervisor"):
        before = plane.kill(name)
        until(lambda was=before, of=name: plane.pid(of) != was, 30, f"another {name}")
        assert plane.get("shop").status == 200
    until(lambda: plane.cli("status").code in (0, 4), 60, plane.tails())
    assert plane.get("shop").status == 200
    ballast.unlink()
    plane.ok("scale", "shop", "web=2")


def test_an_instance_that_dies_on_a_full_disk_is_started_again(small_disk: Plane) -> None:
    plane = small_disk
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    ballast = fill(plane.data)
    (before,) = instances(plane)
    os.kill(before, signal.SIGKILL)
    until(lambda: instances(plane) not in ([], [before]), 30, f"another one\n{plane.tails()}")
    until(lambda: plane.get("shop").status == 200, 30, plane.tails())
    ballast.unlink()
    until(lambda: plane.cli("status").code == 0, 60, plane.tails())


@pytest.mark.parametrize("change", [("scale", "shop", "web=2"), ("restart", "shop")])
def test_a_roll_out_that_meets_a_full_disk_waits_for_room_and_the_old_one_serves(
    small_disk: Plane, change: tuple[str, ...]
) -> None:
    """What is to be done is written down before it is done."""
    plane = small_disk
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    before = instances(plane)
    with held_still(plane.pid("supervisor")):
        plane.ok(*change, "--no-wait")
        ballast = fill(plane.data)
    with Load(lambda: plane.get("shop"), visitors=2) as load:
        load.more(20)
        assert instances(plane) == before
        ballast.unlink()
        until(lambda: plane.cli("status").code == 0, 60, plane.tails())
        until(lambda: instances(plane) != before, 60, plane.tails())
    assert load.errors == []


def test_setpoint_ends_and_comes_back_in_order_on_a_full_disk(small_disk: Plane) -> None:
    """Apps start once there is room: what is to be done is written down before it is done."""
    plane = small_disk
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    ballast = fill(plane.data)
    plane.ok("down")
    assert instances(plane) == []
    assert "the disk is 100 % full" in plane.up().out
    assert "0 bytes are free" in plane.cli("status").out
    ballast.unlink()
    until(lambda: plane.get("shop").status == 200, 60, plane.tails())
    plane.ok("scale", "shop", "web=2")
