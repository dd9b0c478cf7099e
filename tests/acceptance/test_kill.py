"""kill -9 of each process of the plane, of all at once, and the upgrade of each, under load."""

import contextlib
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.acceptance.plane import EXAMPLES, Answer, Load, Plane, fresh_plane, until

PROCESSES = ("daemon", "supervisor", "edge_agent", "envoy", "keeper")
SILENT = ("daemon", "supervisor", "edge_agent")
"""Whoever dies of these, visitors notice nothing."""


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        plane.ok("deploy", str(EXAMPLES / "hello-function"), "-a", "greeter")
        yield plane


def dyno_ids(plane: Plane, app: str = "shop") -> list[str]:
    return sorted(d["id"] for d in plane.info(app)["dynos"])


def ask_keeper(plane: Plane, request: dict[str, object]) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(30)
        link.connect(str(plane.runtime / "keeper.sock"))
        link.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(link.makefile().readlines()[-1])


def is_back(plane: Plane, name: str, old: int) -> bool:
    rows = ask_keeper(plane, {"do": "status"})["processes"]
    assert isinstance(rows, list)
    row = next(r for r in rows if r["name"] == name)
    return row["ready"] and row["pid"] not in (None, old)


@contextlib.contextmanager
def visitors(plane: Plane) -> Iterator[tuple[Load, Load]]:
    """Of the web app and of the function, at the same time."""

    def call() -> Answer:
        return plane.call("greeter", "hello", b'{"name": "load"}')

    with Load(lambda: plane.get("shop")) as web, Load(call, visitors=2) as functions:
        yield web, functions


def works_again(plane: Plane) -> None:
    """Everything a user does still works, not only what was running."""
    assert plane.get("shop").status == 200
    plane.ok("invoke", "greeter", "-p", '{"name": "again"}')
    plane.ok("config", "shop", f"ROUND={os.urandom(4).hex()}")
    assert plane.get("shop").status == 200


@pytest.mark.parametrize("name", SILENT)
def test_kill_9_is_not_noticed_by_visitors(served: Plane, name: str) -> None:
    before = dyno_ids(served)
    with visitors(served) as (load, calls):
        old = served.kill(name)
        load.more(50)
        until(lambda: is_back(served, name, old), 30, f"{name} is back\n{served.tails()}")
        load.more(50)
    assert (load.errors, calls.errors) == ([], [])
    assert dyno_ids(served) == before
    works_again(served)


@pytest.mark.parametrize("name", [*SILENT, "envoy"])
def test_restart_for_an_upgrade_is_not_noticed_by_visitors(served: Plane, name: str) -> None:
    before = dyno_ids(served)
    with visitors(served) as (load, calls):
        old = served.pid(name)
        assert ask_keeper(served, {"do": "restart", "process": name}).get("done")
        until(lambda: is_back(served, name, old), 60, f"{name} is back\n{served.tails()}")
        load.more(100)
    assert (load.errors, calls.errors) == ([], [])
    assert dyno_ids(served) == before
    works_again(served)


def test_after_kill_9_of_envoy_new_requests_are_answered_at_once(served: Plane) -> None:
    before = dyno_ids(served)
    old = served.kill("envoy")
    until(lambda: is_back(served, "envoy", old), 30, "Envoy is back")
    until(lambda: _answers(served), 10, "the edge answers again")
    assert dyno_ids(served) == before
    works_again(served)


def _answers(plane: Plane) -> bool:
    with contextlib.suppress(OSError):
        return plane.get("shop").status == 200
    return False


def test_after_kill_9_of_the_keeper_the_next_up_takes_over(served: Plane) -> None:
    before = dyno_ids(served)
    with visitors(served) as (load, calls):
        served.kill("keeper")
        load.more(50)
        served.up()
        load.more(100)
    assert (load.errors, calls.errors) == ([], [])
    assert dyno_ids(served) == before
    works_again(served)


def test_the_next_up_after_a_reboot_brings_everything_back(served: Plane) -> None:
    """Every process dies at once, instances included, and the runtime directory is gone."""
    runtime = served.runtime
    pids = [served.keeper_pid(), *(served.pid(n) for n in PROCESSES if n != "keeper")]
    instances = instance_pids(served)
    assert instances
    for pid in pids + instances:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    unmount_below(str(runtime))
    shutil.rmtree(runtime)
    served.up()
    until(lambda: _answers(served), 60, f"the shop is back\n{served.tails()}")
    works_again(served)


def instance_pids(plane: Plane) -> list[int]:
    found: list[int] = []
    for record in (plane.runtime / "inst").glob("*.json"):
        identity = json.loads(record.read_text())["identity"]
        found += [identity["inner_pid"], identity["outer_pid"]]
    return found


def runs(pid: int) -> bool:
    """A zombie does not: whoever inherited it has yet to take notice."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def unmount_below(folder: str) -> None:
    """What a reboot does to pinned namespaces."""
    import ctypes

    libc = ctypes.CDLL(None)
    with open("/proc/mounts") as mounts:
        points = [line.split(" ")[1] for line in mounts]
    for point in points:
        if point.startswith(folder):
            libc.umount2(point.encode(), 2)


def test_down_keep_apps_leaves_instances_and_up_adopts_them(served: Plane) -> None:
    before = dyno_ids(served)
    served.ok("down", "--keep-apps")
    served.up()
    until(lambda: _answers(served), 30, "the shop answers")
    assert dyno_ids(served) == before


def test_down_stops_everything(served: Plane) -> None:
    instances, drift = instance_pids(served), told_of_drift(served)
    pids = [served.pid(n) for n in PROCESSES if n != "keeper"]
    served.ok("down")
    for pid in pids + instances:
        assert not runs(pid), pid
    served.up()
    until(lambda: _answers(served), 60, "the shop is back after a new up")
    until(lambda: "is started again" in served.ok("why", "shop").out, 10, "why says so")
    assert "Setpoint was stopped: web of v" in served.ok("why", "shop").out
    assert told_of_drift(served) == drift


def told_of_drift(plane: Plane) -> str:
    return plane.ok("why", "shop").out.partition("drift, and what came of it")[2]
