"""The keeper when one of its children says that it can never start."""

import os
import selectors
import socket
from pathlib import Path

import pytest

from setpoint.processes.keeper import Child, Keeper, Running

WHY = "cannot open data directory: the database file is damaged\nrestore a backup"


def nothing(*_: object) -> None:
    """Of what a keeper is told to do here."""


def keeper_of(child: Child) -> tuple[Keeper, Running]:
    with socket.socket() as listener:
        keeper = Keeper([child], listener, nothing, nothing, (), nothing, nothing)
    running = keeper.running[child.name] = Running(child)
    return keeper, running


def says_fatal(keeper: Keeper, running: Running) -> None:
    said, heard = os.pipe()
    running.ready_fd = said
    os.write(heard, b"!" + WHY.encode())
    os.close(heard)
    with selectors.DefaultSelector() as selector:
        selector.register(said, selectors.EVENT_READ)
        keeper._note_ready(selector, said)


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child("daemon", lambda epoch: ["true"], str(tmp_path / "daemon.log"), {})


def test_one_that_can_never_start_ends_the_start(child: Child) -> None:
    keeper, running = keeper_of(child)
    says_fatal(keeper, running)
    assert (keeper.stopping, keeper.fatal, keeper.keep_apps) == (True, WHY, True)


def test_one_that_served_and_cannot_start_again_ends_nobody_else(child: Child) -> None:
    keeper, running = keeper_of(child)
    keeper.announced = True
    says_fatal(keeper, running)
    assert (keeper.stopping, keeper.fatal) == (False, "")
    told = "cannot open data directory: the database file is damaged; restore a backup"
    assert running.wrong == told
    assert told in Path(child.log).read_text()


def test_a_log_that_cannot_be_written_keeps_nobody_from_running(tmp_path: Path) -> None:
    child = Child("daemon", lambda epoch: ["true"], str(tmp_path / "away" / "daemon.log"), {})
    keeper, running = keeper_of(child)
    with selectors.DefaultSelector() as selector:
        keeper._start(selector, running)
        assert running.process is not None
        assert running.process.wait(10) == 0
        assert running.ready_fd is not None
        os.close(running.ready_fd)
