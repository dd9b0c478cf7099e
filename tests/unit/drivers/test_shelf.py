"""What the supervisor leaves with the keeper, and fetches again: both ends are the real ones."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.drivers.local.shelf import Shelf
from setpoint.processes.keeper import Keeper


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    path = tmp_path / "keeper.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        nothing = lambda *_: None  # noqa: E731
        keeper = Keeper([], listener, nothing, nothing, (), nothing, nothing)

        def keep() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                keeper._serve(peer)

        thread = threading.Thread(target=keep)
        thread.start()
        yield Shelf(path)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for fd in keeper.shelf.fds.values():
            os.close(fd)


def test_hundreds_are_fetched_page_by_page_each_under_its_name(shelf: Shelf) -> None:
    for n in range(450):
        fd = os.memfd_create(f"number-{n}")
        shelf.put(f"an-app-with-a-long-name-{n:08}", fd)
        os.close(fd)
    copies = shelf.take_all()
    assert len(copies) == 450
    for name, fd in copies.items():
        assert f"number-{int(name[-8:])} " in os.readlink(f"/proc/self/fd/{fd}") + " "
        assert not os.get_inheritable(fd)
        os.close(fd)
    one = shelf.take_copy("an-app-with-a-long-name-00000449")
    assert one is not None
    os.close(one)


def test_of_an_empty_one_and_of_none_nothing_comes(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.take_all() == {}
    assert Shelf(tmp_path / "nobody.sock").take_all() == {}
