"""A store that takes no writes, under a real Setpoint with two apps: it is said by name, what is
asked for is refused in words, what runs goes on, and once writes are taken all is as if nothing had
been."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until
from tests.acceptance.test_full_disk import instances
from tests.support.disks import fill, plane_on_disk
from tests.support.processes import held_still

BIG = "v" * 60_000
CHANGES_MAX = 40
"""far more than fit into what the store may have set aside"""


def with_two_apps(plane: Plane) -> Plane:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "other")
    return plane


@pytest.fixture
def small_disk() -> Iterator[Plane]:
    with plane_on_disk(64) as plane:
        yield with_two_apps(plane)


@pytest.fixture
def own_store() -> Iterator[Plane]:
    """Its store lies on a disk of its own, which is nothing but that."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own can be made by root only")
    with fresh_plane(start=False) as plane:
        private = plane.data / "private"
        private.mkdir(mode=0o700)
        options = "size=64m,mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", private], check=True)
        try:
            plane.up()
            yield with_two_apps(plane)
        finally:
            plane.cli("down")
            subprocess.run(["umount", "-l", private], check=True)


def condition(plane: Plane, type_: str = "StoreWritable") -> dict[str, Any]:
    told = plane.api("GET", "/v1/status").json["conditions"]
    (found,) = (c for c in told if c["type"] == type_)
    return found


def says(plane: Plane, reason: str) -> None:
    """In every place where somebody would look."""
    until(lambda: condition(plane)["reason"] == reason, 30, f"{reason}\n{plane.tails()}")
    found = condition(plane)
    assert not found["status"]
    assert found["message"].startswith("the store takes no writes: ")
    for command in ("status", "doctor"):
        assert f"{reason} since 2" in plane.cli(command).out
    assert plane.cli("status", "--json").json["conditions"][0] == found
    metrics = plane.api("GET", "/v1/metrics").text
    assert f'setpoint_condition{{condition="StoreWritable",reason="{reason}"}} 0.0' in metrics


def refused(plane: Plane, fact: str) -> None:
    """One clear line with the next step, and nothing half done."""
    before = story(plane)
    answer = plane.api("PATCH", "/apps/shop/config-vars", {"BIG": BIG})
    assert (answer.status, answer.json["id"]) == (503, "store_unavailable"), answer.text
    assert answer.json["message"].startswith(f"cannot write to the store: {fact}"), answer.text
    assert answer.json["hint"].endswith("nothing was written")
    ran = plane.cli("config", "shop", f"BIG={BIG}")
    assert (ran.code, ran.err.startswith("cannot "), fact in ran.err) == (1, True, True), ran.err
    assert story(plane) == before


def story(plane: Plane) -> list[Any]:
    found: list[Any] = []
    for app in ("shop", "other"):
        config = plane.api("GET", f"/apps/{app}/config-vars").json
        found += [
            sorted(config),
            plane.info(app)["generation"],
            plane.ok("why", app).out.count("v"),
        ]
    return found[:2] + found[3:5]


def both_go_on(plane: Plane) -> None:
    """Also when an instance of one of them is killed: what it is to be is known."""
    before = instances(plane)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(instances(plane)) == 2 and instances(plane) != before, 30, plane.tails())
    for app in ("shop", "other"):
        until(lambda of=app: plane.get(of).status == 200, 30, f"{app}\n{plane.tails()}")


def all_is_well_again(plane: Plane) -> None:
    until(lambda: condition(plane)["status"], 30, f"writable\n{plane.tails()}")
    assert condition(plane)["reason"] == "Writable"
    until(lambda: plane.cli("status").code == 0, 60, plane.tails())
    plane.ok("config", "shop", "AFTER=1")
    plane.ok("scale", "other", "web=2")
    assert len(instances(plane)) == 3
    for app in ("shop", "other"):
        assert plane.get(app).status == 200


def until_refused(change: Callable[[int], int]) -> None:
    for n in range(CHANGES_MAX):
        if change(n) == 503:
            return
    raise AssertionError("the disk is not full")


def test_a_full_disk(small_disk: Plane) -> None:
    plane = small_disk
    ballast = fill(plane.data)
    until_refused(lambda n: plane.api("PATCH", "/apps/other/config-vars", {f"K{n}": BIG}).status)
    says(plane, "StoreFull")
    refused(plane, "the disk is full")
    both_go_on(plane)
    ballast.unlink()
    all_is_well_again(plane)


@contextlib.contextmanager
def takes_no_writes(pid: int) -> Iterator[None]:
    """No byte that this process writes to a file is kept."""
    who = Path(f"/proc/{pid}").stat()

    def limit(size: str) -> None:
        """Said by its own user, who may always do so."""
        words = ["prlimit", f"--pid={pid}", f"--fsize={size}:unlimited"]
        subprocess.run(words, user=who.st_uid, group=who.st_gid, extra_groups=[], check=True)

    limit("0")
    try:
        yield
    finally:
        limit("unlimited")


def test_a_disk_that_fails_under_a_running_daemon(own_store: Plane) -> None:
    plane = own_store
    pid = plane.pid("daemon")
    with takes_no_writes(pid):
        refused(plane, "disk I/O error (SQLITE_IOERR_WRITE)")
        says(plane, "StoreFailing")
        both_go_on(plane)
    all_is_well_again(plane)
    assert plane.pid("daemon") == pid


def remount(folder: Path, how: str) -> None:
    """Once nobody has a file open there to write to."""
    words = ["mount", "-o", f"remount,{how}", folder]
    until(lambda: not subprocess.run(words, capture_output=True).returncode, 10, str(words))


def test_a_store_that_is_read_only_when_the_daemon_starts(own_store: Plane) -> None:
    plane = own_store
    with held_still(plane.keeper_pid()):
        plane.kill("daemon")
        remount(plane.data / "private", "ro")
    try:
        says(plane, "StoreReadOnly")
        refused(plane, "it is read-only")
        both_go_on(plane)
    finally:
        remount(plane.data / "private", "rw")
    all_is_well_again(plane)


def test_a_whole_setpoint_that_starts_with_a_store_that_is_read_only(own_store: Plane) -> None:
    plane = own_store
    plane.ok("down")
    remount(plane.data / "private", "ro")
    try:
        plane.up()
        says(plane, "StoreReadOnly")
        refused(plane, "it is read-only")
        plane.ok("down")
        assert "is read-only" in plane.cli("doctor").out
    finally:
        remount(plane.data / "private", "rw")
    plane.up()
    until(lambda: len(instances(plane)) == 2, 60, plane.tails())
    all_is_well_again(plane)
