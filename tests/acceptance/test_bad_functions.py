"""Functions that do what no function should, called through the edge: callers are told, nobody
else notices, and the next call is answered."""

import contextlib
import http.client
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setpoint.formats.envoy.limits import FUNCTION_S
from tests.acceptance.plane import Answer, Plane, fresh_plane, until
from tests.support.building import function

MAIN = """
import asyncio, os, signal, socket, sys, threading, time

threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
if os.fork() == 0:
    time.sleep(600)
    os._exit(0)
READ = len(sys.stdin.read())

async def function(event, context):
    asked = event.data or {}
    match asked.get("do"):
        case "hang":
            await asyncio.sleep(600)
        case "block":
            time.sleep(600)
        case "exit":
            os._exit(3)
        case "leak":
            hoard = []
            while True:
                hoard.append(b"x" * (1 << 20))
        case "write":
            block = b"x" * 1023 + b"\\n"
            left = 1 << 30
            while left > 0:
                left -= os.write(1, block * 64)
        case "close":
            os.close(3)
        case "shut down":
            socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RDWR)
    child = str(signal.getsignal(signal.SIGCHLD))
    return {"pid": os.getpid(), "read": READ, "child": child}
"""
"""At import it starts a thread, forks and reads standard input."""
DEADLINE_S = 3


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """On a plane whose functions may run for three seconds."""
    folder: Path = tmp_path_factory.mktemp("bad")
    for name in ("rogue", "calm"):
        for path, text in function(name, f"functions/{name}", main=MAIN).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(FUNCTION_S, str(DEADLINE_S))
        with fresh_plane() as plane:
            plane.ok("deploy", str(folder), "-a", "bad")
            plane.ok("scale", "bad", "rogue=0..2:eco", "calm=1", "--idle", "600")
            yield plane


def ask(plane: Plane, name: str = "rogue", **data: object) -> Answer:
    return plane.call("bad", name, json.dumps(data).encode())


def again(plane: Plane) -> Answer:
    """The next call that is answered; while another instance comes up there may be a 503."""
    answers: list[Answer] = []

    def answered() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(ask(plane))
        return bool(answers) and answers[-1].status == 200

    until(answered, 60, f"another answers: {answers[-1:]}")
    return answers[-1]


def neighbour_is_as_before(plane: Plane, calm: int) -> None:
    assert json.loads(ask(plane, "calm").text)["pid"] == calm


@pytest.fixture
def calm(bad: Plane) -> Iterator[int]:
    """Whatever the one does, the other goes on. What crashes again and again is started ever more
    slowly, so each test begins with a new one."""
    bad.ok("restart", "bad", "rogue")
    pid = json.loads(ask(bad, "calm").text)["pid"]
    yield pid
    neighbour_is_as_before(bad, pid)


def test_what_it_did_at_import_is_its_own_and_sigchld_is_as_python_starts(
    bad: Plane, calm: int
) -> None:
    told = json.loads(again(bad).text)
    assert told["read"] == 0
    assert told["child"] == str(signal.SIG_DFL)
    assert "by a fork" in bad.ok("logs", "bad", "-n", "1000").out


def test_one_that_hangs_is_answered_at_its_deadline(bad: Plane, calm: int) -> None:
    first = json.loads(again(bad).text)["pid"]
    answer = ask(bad, do="hang")
    assert answer.status == 504
    assert f"exceeded its deadline of {DEADLINE_S}" in answer.text
    assert json.loads(ask(bad).text)["pid"] == first


def test_one_that_blocks_everything_is_answered_by_the_edge_and_ended(
    bad: Plane, calm: int
) -> None:
    first = json.loads(again(bad).text)["pid"]
    answer = ask(bad, do="block")
    assert (answer.status, answer.headers["x-setpoint-error"]) == (504, "H12")
    assert json.loads(again(bad).text)["pid"] != first
    until(lambda: "outlived its deadline" in bad.ok("logs", "bad", "-n", "2000").out, 30, "why")


def test_one_that_exits_is_told_and_replaced(bad: Plane, calm: int) -> None:
    first = json.loads(again(bad).text)["pid"]
    answer = ask(bad, do="exit")
    assert (answer.status, answer.headers["x-setpoint-error"]) == (503, "H13")
    assert json.loads(again(bad).text)["pid"] != first


def test_one_that_leaks_is_told_that_it_is_out_of_memory(bad: Plane, calm: int) -> None:
    again(bad)
    answer = ask(bad, do="leak")
    assert answer.status == 500
    assert "Out of memory" in answer.text
    again(bad)


def test_a_gigabyte_of_output_stays_within_bounds(bad: Plane, calm: int) -> None:
    again(bad)
    ask(bad, do="write")  # it may not be done by its deadline, which is not what is asked here
    again(bad)
    until(lambda: "Error L10" in bad.ok("logs", "bad", "-n", "5000").out, 60, "it is told")
    kept = sum(f.stat().st_size for f in (bad.data / "logs").rglob("*") if f.is_file())
    assert kept < 64 << 20


@pytest.mark.parametrize("how", ["close", "shut down"])
def test_one_that_takes_its_listening_socket_away_is_replaced(
    bad: Plane, calm: int, how: str
) -> None:
    first = json.loads(again(bad).text)["pid"]
    with contextlib.suppress(OSError, http.client.HTTPException):
        ask(bad, do=how)
    until(lambda: json.loads(again(bad).text)["pid"] != first, 60, "another answers")


def zygotes(plane: Plane) -> list[int]:
    """Of this plane, without what they forked."""
    told = plane.data.name.encode()
    found: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            ours = told in (folder / "mountinfo").read_bytes() and b"--args" not in words
            if b"zygote" in words and ours:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                found[int(folder.name)] = int(parent)
    return [pid for pid, parent in found.items() if parent not in found]


def test_killed_zygotes_are_missed_by_nobody(bad: Plane, calm: int) -> None:
    first = json.loads(again(bad).text)["pid"]
    until(lambda: zygotes(bad), 30, "there is a zygote")
    for pid in zygotes(bad):
        os.kill(pid, signal.SIGKILL)
    assert json.loads(ask(bad).text)["pid"] == first
    ask(bad, do="exit")
    again(bad)


def test_one_whose_every_process_an_outsider_kills_is_back_with_the_next_call(bad: Plane) -> None:
    bad.ok("restart", "bad", "rogue")
    again(bad)
    until(lambda: zygotes(bad), 30, "there is a zygote")
    for pid in zygotes(bad):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    again(bad)


def test_more_at_once_than_an_instance_takes_are_all_answered(bad: Plane, calm: int) -> None:
    again(bad)
    with ThreadPoolExecutor(60) as callers:
        answers = list(callers.map(lambda _: ask(bad).status, range(60)))
    assert answers == [200] * 60
