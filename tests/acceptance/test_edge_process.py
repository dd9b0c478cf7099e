"""Envoy's process: how it is started, what it has before others, and that it is replaced."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setpoint.drivers.envoy.binary import find_envoy
from setpoint.drivers.local.precedence import NICENESS
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until
from tests.acceptance.test_kill import ask_keeper, instance_pids

FIRST = ("envoy", "edge_agent")
"""Every request waits for these. They are the keeper's children, as it has to be first, too."""
LAST = ("supervisor", "daemon")
"""Apps and builds come from the supervisor, and would inherit what it has."""
CAP_SYS_NICE = 23


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Its Envoy is a copy, which a test may take the right to run from."""
    copy = tmp_path_factory.mktemp("envoy") / "envoy"
    shutil.copy(find_envoy(), copy)
    before = os.environ.get("SETPOINT_ENVOY")
    os.environ["SETPOINT_ENVOY"] = str(copy)
    try:
        with fresh_plane() as plane:
            plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
            yield plane
    finally:
        os.environ.pop("SETPOINT_ENVOY")
        if before is not None:
            os.environ["SETPOINT_ENVOY"] = before


def may_come_first() -> bool:
    status = Path("/proc/self/status").read_text().splitlines()
    effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    return bool(int(effective, 16) & 1 << CAP_SYS_NICE)


def nicenesses(pid: int) -> set[int]:
    """Of each thread, and of the session as the kernel weighs it against others."""
    found = priorities(pid)
    with contextlib.suppress(FileNotFoundError):
        found.add(int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1]))
    return found


def priorities(pid: int) -> set[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {os.getpriority(os.PRIO_PROCESS, int(thread.name)) for thread in threads}


@pytest.mark.skipif(not may_come_first(), reason="needs CAP_SYS_NICE: root's, but in a container")
def test_whoever_every_request_waits_for_comes_first_and_apps_do_not(own: Plane) -> None:
    first = [own.keeper_pid(), *(own.pid(name) for name in FIRST)]
    assert [nicenesses(pid) for pid in first] == [{NICENESS}] * len(first)
    others = [*(own.pid(name) for name in LAST), *instance_pids(own)]
    assert len(others) > len(LAST)
    ordinary = {os.getpriority(os.PRIO_PROCESS, 0)}
    assert [priorities(pid) for pid in others] == [ordinary] * len(others)


def test_an_envoy_that_cannot_be_started_is_tried_again_and_takes_nothing_along(own: Plane) -> None:
    keeper, copy = own.keeper_pid(), Path(os.environ["SETPOINT_ENVOY"])
    log = own.data / "log" / "envoy.log"
    copy.chmod(0o600)
    try:
        own.kill("envoy")
        until(lambda: "cannot start the envoy: " in log.read_text(), 30, "it says so")
        assert own.cli("status").code == 0
    finally:
        copy.chmod(0o755)
    until(lambda: answers(own), 60, f"the edge answers again\n{own.tails()}")
    assert own.keeper_pid() == keeper


def answers(plane: Plane) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return plane.get("shop").status == 200
    return False


@pytest.mark.parametrize(
    ("hang", "why"),
    [
        ("stop", "it neither answered nor ran"),
        ("close", "nothing listens at its port any more"),
    ],
)
def test_an_envoy_that_answers_nobody_is_replaced_and_that_is_told(
    own: Plane, hang: str, why: str
) -> None:
    until(lambda: answers(own), 60, "the edge answers")
    old = own.pid("envoy")
    until(lambda: keepers_word(own)["answered"], 60, "it has answered the keeper as well")
    if hang == "stop":
        os.kill(old, signal.SIGSTOP)
    else:
        close_listeners(own)
    until(lambda: own.pid("envoy") != old, 60, f"another one runs\n{own.tails()}")
    until(lambda: answers(own), 60, f"the edge answers again\n{own.tails()}")
    rows = own.ok("doctor", "--json").json["plane"]["processes"]
    assert [row["why"] for row in rows if row["name"] == "envoy"] == [why]
    assert f"{why}\n" in own.ok("doctor").out
    assert f'because="{why}"' in (own.data / "log" / "envoy.log").read_text()


def keepers_word(plane: Plane) -> dict[str, Any]:
    rows: Any = ask_keeper(plane, {"do": "status"})["processes"]
    return next(row for row in rows if row["name"] == "envoy")


def close_listeners(plane: Plane) -> None:
    """As whoever may speak to its admin socket can."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(plane.runtime / "envoy" / "admin.sock"))
        link.sendall(b"POST /drain_listeners HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        assert b" 200 OK" in link.recv(4096)
