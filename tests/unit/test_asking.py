"""A process behind a port: one that hangs is found, one that is merely busy never is."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.processes.asking import EVERY_S, MISSES_MAX, Doing, Door, doing, hangs
from tests.acceptance.plane import until

LOOKS = 4 * MISSES_MAX
"""more than any verdict takes"""
SILENT, CLOSED = "it neither answered nor ran", "nothing listens at its port any more"
SERVER = """\
import os, socket, sys

listener, folder = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
while True:
    peer, _ = listener.accept()
    peer.recv(4096)
    while os.path.exists(f"{folder}/busy"):
        pass
    peer.close()
    open(f"{folder}/answered", "a").write("!")
    if os.path.exists(f"{folder}/close"):
        listener.close()
        sys.stdin.read()
"""


class Behind:
    """A process, its door, and a clock that is moved."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, 0.0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.door, fd = Door(listener.getsockname()), listener.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(fd), str(folder)],
                pass_fds=(fd,),
                stdin=subprocess.PIPE,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def look(self) -> str:
        self.now_s += EVERY_S
        return self.door.look(self.pid, self.now_s)

    def told(self) -> set[str]:
        return {self.look() for _ in range(LOOKS)} - {""}

    def answers(self) -> bool:
        self.look()
        return self.door.has_answered(self.pid)

    def how_often(self) -> int:
        """It has answered so far."""
        path = self.folder / "answered"
        return len(path.read_text()) if path.exists() else 0

    def is_in(self, state: str) -> bool:
        seen = doing(self.pid)
        return seen is not None and seen.states == {state}


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    made = Behind(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()
    made.door.close()


def test_one_that_answers_is_left_alone(behind: Behind) -> None:
    until(behind.answers, 30, "it answers")
    for _ in range(LOOKS):
        before = behind.how_often()
        assert behind.look() == ""
        until(lambda before=before: behind.how_often() > before, 30, "it has answered")


def test_one_that_is_stopped_is_found_unless_it_goes_on_in_time(behind: Behind) -> None:
    until(behind.answers, 30, "it answers")
    os.kill(behind.pid, signal.SIGSTOP)
    until(lambda: behind.is_in("T"), 30, "it is stopped")
    assert [behind.look() for _ in range(MISSES_MAX)] == [""] * MISSES_MAX
    os.kill(behind.pid, signal.SIGCONT)
    until(lambda: behind.is_in("S"), 30, "it has answered")
    assert behind.look() == ""
    os.kill(behind.pid, signal.SIGSTOP)
    until(lambda: behind.is_in("T"), 30, "it is stopped")
    assert behind.told() == {SILENT}


def test_one_that_is_busy_is_never_taken_for_hung(behind: Behind) -> None:
    until(behind.answers, 30, "it answers")
    (behind.folder / "busy").touch()
    behind.look()
    until(lambda: behind.is_in("R"), 30, "it is busy")
    assert behind.told() == set()


def test_one_whose_listener_was_closed_is_found(behind: Behind) -> None:
    until(behind.answers, 30, "it answers")
    (behind.folder / "close").touch()
    until(lambda: behind.look() == CLOSED, 30, "it is found")


def test_one_that_has_never_answered_may_still_be_starting(behind: Behind) -> None:
    os.kill(behind.pid, signal.SIGSTOP)
    assert behind.told() == set()


@pytest.mark.parametrize(
    ("states", "used_s", "hung"),
    [
        ("S", 0.0, True),
        ("ST", 0.01, True),
        ("S", 0.1, False),
        ("SR", 0.0, False),
        ("SD", 0.0, False),
        ("t", 0.0, False),
    ],
)
def test_whoever_runs_or_waits_for_the_machine_does_not_hang(
    states: str, used_s: float, hung: bool
) -> None:
    after = Doing(int(used_s * 1e9), frozenset(states))
    assert hangs(Doing(0, frozenset("S")), after, EVERY_S) is hung


def test_of_a_process_that_is_gone_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "7" / "task").mkdir(parents=True)
    assert doing(7, tmp_path) is None
    assert doing(8, tmp_path) is None
    assert not hangs(Doing(0, frozenset("S")), None, EVERY_S)


@pytest.mark.parametrize(("schedstat", "told"), [("0 0 0\n", False), ("5 2 1\n", True)])
def test_of_a_kernel_that_does_not_count_nothing_is_concluded(
    tmp_path: Path, schedstat: str, told: bool
) -> None:
    thread = tmp_path / "7" / "task" / "7"
    thread.mkdir(parents=True)
    (thread / "schedstat").write_text(schedstat)
    (thread / "stat").write_text("7 (envoy) S 1 7 7\n")
    assert (doing(7, tmp_path) is not None) is told
