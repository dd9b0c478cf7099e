"""When the keeper starts a child again that has ended: on a clock that the test moves."""

import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.processes.keeper import BACKOFF_S, STEADY_S, Child, Keeper, Running
from setpoint.testing.clock import ManualClock


class Kept:
    """One child of a real keeper that nobody else drives."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        def nothing(*_: object) -> None: ...

        child = Child(
            "sleeper",
            lambda _: ["sleep", "1000"],
            str(folder / "log"),
            {"PATH": os.environ["PATH"]},
            says_ready=False,
        )
        self.clock = ManualClock(1000.0)
        self.keeper = Keeper([child], listener, nothing, nothing, (), nothing, nothing)
        self.keeper.clock = self.clock
        self.keeper.announced = True
        self.running = self.keeper.running["sleeper"] = Running(child)
        self.selector = selectors.DefaultSelector()

    def runs(self) -> bool:
        """Once the keeper has looked whether one is due."""
        self.keeper._start_due(self.selector)
        return self.running.process is not None and self.running.process.poll() is None

    def dies_after(self, seconds: float) -> None:
        process = self.running.process
        assert process is not None
        self.clock.advance(seconds)
        process.kill()
        self.keeper._ended(self.running, process.wait())

    def crash_loops(self) -> None:
        """Until the pause between two starts is the longest."""
        for apart_s in BACKOFF_S:
            assert self.runs()
            self.dies_after(0.0)
            self.clock.advance(apart_s)
        assert self.runs()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with socket.socket(socket.AF_UNIX) as listener:
        kept = Kept(tmp_path, listener)
        yield kept
        kept.keeper._stop(kept.running)
        for fd in [key.fd for key in kept.selector.get_map().values()]:
            os.close(fd)
        kept.selector.close()


def test_one_that_ends_as_soon_as_it_starts_is_started_ever_more_slowly(kept: Kept) -> None:
    for apart_s in (*BACKOFF_S, BACKOFF_S[-1]):
        assert kept.runs()
        kept.dies_after(0.0)
        if apart_s:
            kept.clock.advance(apart_s - 0.01)
            assert not kept.runs()
            kept.clock.advance(0.02)


def test_one_that_ran_for_longer_than_the_pause_is_started_at_once(kept: Kept) -> None:
    kept.crash_loops()
    for _ in range(3):
        kept.dies_after(BACKOFF_S[-1] + 0.01)
        assert kept.runs()


def test_what_it_ran_counts_for_the_pause(kept: Kept) -> None:
    kept.crash_loops()
    kept.dies_after(BACKOFF_S[-1] - 1.0)
    assert not kept.runs()
    kept.clock.advance(1.01)
    assert kept.runs()


def test_one_that_ran_steadily_may_end_at_once_and_is_back_at_once(kept: Kept) -> None:
    kept.crash_loops()
    kept.dies_after(STEADY_S + 1.0)
    assert kept.runs()
    kept.dies_after(0.0)
    kept.clock.advance(BACKOFF_S[1] + 0.01)
    assert kept.runs(), "it begins at the front"
