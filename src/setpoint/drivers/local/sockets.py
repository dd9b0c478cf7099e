"""Listening sockets of functions. The supervisor owns them and never accepts on them.

A connection that waits there is demand: instances accept up to their concurrency limit, so a
socket that stays readable wants one more of them.
"""

import asyncio
import contextlib
import os
import resource
import select
import socket
from collections.abc import Callable, Generator
from pathlib import Path

from setpoint.drivers.local.seams import Watch
from setpoint.drivers.local.shelf import Shelf
from setpoint.model.errors import Terminal
from setpoint.model.ids import SetKey
from setpoint.model.process import Endpoint, Phase, SetFacts

SHELF_MAX = 16_000
"""a little less than the keeper takes (`processes.shelf`)"""
BACKLOG = 4096
"""128 gave 71 refusals in a burst of 200 cold requests."""
BUSY_S = 0.05
"""How long the queue of a warm function must not empty before that counts as demand."""


def room() -> int:
    """How many functions may have a socket: a quarter of the files that may be open is for what
    runs, and the keeper, who has a copy of each, has a shelf of its own size."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(SHELF_MAX, files // 4 * 3)


def watch_wanted(facts: SetFacts) -> Watch:
    """While one is starting its coming is awaited; at the maximum there is nothing to be done."""
    if facts.retiring or facts.waiting or any(i.phase is Phase.STARTING for i in facts.up):
        return "off"
    if not facts.up:
        return "at once"
    return "when busy" if len(facts.up) < facts.bounds.max else "off"


class FunctionSocket:
    """`fresh`: it was bound anew, so instances that hold an older one can get no requests."""

    def __init__(self, path: Path, listener: socket.socket, *, fresh: bool) -> None:
        self.endpoint = Endpoint("pipe", str(path))
        self.fresh = fresh
        self._path = path
        self._inode = path.stat().st_ino
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._watch: Watch = "off"
        self._on_demand: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lost(self) -> str:
        """'' while callers reach it, else how it was lost."""
        look = select.poll()
        look.register(self._listener, 0)
        if look.poll(0):  # hung up: whoever has a copy can shut it down for all
            return "has shut down its own listening socket"
        try:
            ours = self._path.stat().st_ino == self._inode
        except OSError:
            ours = False
        return "" if ours else "has lost its listening socket to an outsider"

    @property
    def name(self) -> str:
        """As what is accepted from it says it is called: the path it was bound at, not where it
        was moved to."""
        return str(self._listener.getsockname())

    def fileno(self) -> int:
        return self._listener.fileno()

    def watch(self, how: Watch, on_demand: Callable[[], None]) -> None:
        """Call `on_demand` once when the queue wants one more instance."""
        self._on_demand = on_demand
        if how != self._watch:
            self._disarm()
            self._watch = how
            if how != "off":
                self._arm()

    def queued(self) -> bool:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._disarm()
        self._listener.close()

    def _arm(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener, self._readable)

    def _disarm(self) -> None:
        if self._watch == "off":  # what was never watched need not be looked for
            return
        self._loop.remove_reader(self._listener)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _readable(self) -> None:
        """A warm function's queue is readable for a moment with each request: look twice."""
        self._loop.remove_reader(self._listener)
        if self._watch == "at once":
            self._report()
        else:
            self._timer = self._loop.call_later(BUSY_S, self._look_again)

    def _look_again(self) -> None:
        if self.queued():
            self._timer = None
            self._report()
        else:
            self._timer = self._loop.call_later(BUSY_S, self._arm)

    def _report(self) -> None:
        """Called by what has just stopped to watch."""
        self._watch = "off"
        self._on_demand()


class Sockets:
    """`gid`: the edge's group, the only one that may connect; None: whoever we are. `most`: how
    many there can be."""

    def __init__(self, folder: Path, shelf: Shelf, gid: int | None, most: int) -> None:
        self._folder = folder
        self._shelf = shelf
        self._gid = gid
        self._most = most
        self._found: dict[str, int] = {}
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    def check_room(self, open_: int) -> None:
        """For one more beside so many. Raises Terminal."""
        if open_ >= self._most:
            raise Terminal(
                f"cannot take in another function: {open_} of them have a socket each, and no more "
                "files may be open at once",
                "start Setpoint with a higher limit of open files (ulimit -Hn, or LimitNOFILE)",
            )

    def open(self, key: SetKey) -> FunctionSocket:
        """The set's socket as an earlier supervisor left it, or a new one."""
        path = self._path(key)
        kept = self._found.pop(key.short, None)
        if kept is None:
            kept = self._shelf.take_copy(key.short)
        if kept is not None and path.is_socket():
            return FunctionSocket(path, socket.socket(fileno=kept), fresh=False)
        if kept is not None:
            os.close(kept)
        listener = self._bind(path)
        self._shelf.put(key.short, listener.fileno())
        return FunctionSocket(path, listener, fresh=True)

    @contextlib.contextmanager
    def found(self) -> Generator[None]:
        """While many are opened that an earlier supervisor left: all are fetched at once."""
        self._found = self._shelf.take_all()
        try:
            yield
        finally:
            for fd in self._found.values():
                os.close(fd)
            self._found = {}

    def drop(self, key: SetKey) -> None:
        """A folder that somebody put in its place is theirs. Raises OSError."""
        self._shelf.drop(key.short)
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            self._path(key).unlink()

    def _path(self, key: SetKey) -> Path:
        return self._folder / f"{key.short}.sock"

    def _bind(self, path: Path) -> socket.socket:
        """In place of an older one in a single step, so that the path never leads nowhere."""
        temporary = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listen(listener, temporary)
            temporary.rename(path)
        except OSError:
            listener.close()
            raise
        return listener

    def _listen(self, listener: socket.socket, at: Path) -> None:
        listener.setblocking(False)
        listener.bind(str(at))
        at.chmod(0o660)
        if self._gid is not None:
            os.chown(at, -1, self._gid)
        listener.listen(BACKLOG)
