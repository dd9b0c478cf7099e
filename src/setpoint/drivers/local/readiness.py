"""When does an instance count as ready? A web process listens on its port and answers its probe, a
function says so, a worker is still there after a moment."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from setpoint.drivers.local.sandbox import open_output, syscalls

PORT_LOOK_S = 0.005
PORT_LOOK_GROWTH = 1.1
PORT_LOOK_S_MAX = 0.5
"""Seen 5 % late on average, for some thirty looks in the first second, 0.05 ms each."""
WORKER_STEADY_S = 1.0
RECORD_BYTES_MAX = 64 * 1024
ASK_AGAIN_S, ASK_AGAIN_GROWTH, ASK_AGAIN_S_MAX = 0.05, 1.3, 2.0


class Readiness(Protocol):
    def watch(self, ready: Callable[[], None]) -> None:
        """Call `ready` once, when it is so."""
        ...

    def stop(self) -> None: ...


class PortAnswers:
    """`connectable`: does something listen there now? Looked at often first, then less."""

    def __init__(self, connectable: Callable[[], bool]) -> None:
        self._connectable = connectable
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, ready: Callable[[], None]) -> None:
        self._look(ready, PORT_LOOK_S)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, ready: Callable[[], None], next_s: float) -> None:
        if self._connectable():
            ready()
            return
        loop = asyncio.get_running_loop()
        later_s = min(next_s * PORT_LOOK_GROWTH, PORT_LOOK_S_MAX)
        self._timer = loop.call_later(next_s, self._look, ready, later_s)


class ProbeAnswers:
    """It listens, and then `ask` is content. A new question counts at once: whoever still waits
    for the answer to an old one does so no longer."""

    def __init__(self, listens: PortAnswers, ask: Callable[[], Awaitable[bool]]) -> None:
        self._listens = listens
        self._ask = ask
        self._asking: asyncio.Task[None] | None = None
        self._ready: Callable[[], None] | None = None

    def watch(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._listens.watch(self._begin)

    def again(self) -> None:
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            self._begin()

    def stop(self) -> None:
        self._listens.stop()
        if self._asking is not None:
            self._asking.cancel()

    def _begin(self) -> None:
        self._asking = asyncio.get_running_loop().create_task(self._ask_until_content())

    async def _ask_until_content(self) -> None:
        pause_s = ASK_AGAIN_S
        while not await self._ask():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * ASK_AGAIN_GROWTH, ASK_AGAIN_S_MAX)
        if self._ready is not None:
            self._ready()


class StaysUp:
    """For what offers nothing to look at. `left_s`: of its first second."""

    def __init__(self, left_s: float) -> None:
        self._left_s = max(0.0, left_s)
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, ready: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._left_s, ready)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class SaysSo:
    """A function's worker writes a line for each thing that happens to it, `ready` among the first.
    It says that once: it is taken from the FIFO once whoever is told has written it down, so that
    the next supervisor hears it if this one dies before that.

    The FIFO is kept open and read for as long as it runs, so that it never blocks the worker.
    `imported`, `served`: told what its lines of that name say.
    """

    def __init__(
        self, path: Path, imported: Callable[[bytes], None], served: Callable[[bytes], None]
    ) -> None:
        self._fd = open_output(path)
        self._told = {b"imported": imported, b"served": served}
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._ready: Callable[[], None] | None = None

    def watch(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._loop.add_reader(self._fd, self._read)

    def stop(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _read(self) -> None:
        if self._ready is None:
            self._hear(os.read(self._fd, RECORD_BYTES_MAX))
        else:
            said = _peek(self._fd)
            self._hear(said)
            os.read(self._fd, len(said))

    def _hear(self, said: bytes) -> None:
        *lines, self._rest = (self._rest + said).split(b"\n")
        self._rest = self._rest[-RECORD_BYTES_MAX:]
        for line in lines:
            word, _, more = line.partition(b" ")
            if word in self._told:
                self._told[word](more)
            elif word == b"ready" and self._ready is not None:
                ready, self._ready = self._ready, None
                ready()


def _peek(fifo: int) -> bytes:
    """What can be read of it, left there."""
    here, there = os.pipe2(os.O_CLOEXEC)
    try:
        return os.read(here, syscalls.copied(fifo, there, RECORD_BYTES_MAX))
    finally:
        os.close(here)
        os.close(there)
