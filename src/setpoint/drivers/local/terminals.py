"""A job's terminal, or its pipes: what somebody far away sees of it and types into it.

Nothing is lost before somebody is there, nor while a line breaks off: what was not taken yet is
kept, and when that is a whole window, the job's writes wait, as at any terminal nobody reads.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Sequence

from setpoint.drivers.local.lines import Splitter
from setpoint.drivers.local.pipes import CHUNK_BYTES
from setpoint.formats import terminal
from setpoint.formats.terminal import WINDOW_BYTES, Frame, Kind
from setpoint.model.errors import Terminal as Impossible

LEFT_READS_MAX = 64
"""More than a pipe or a terminal holds, once nobody writes any more."""
FAREWELL_S_MAX = 5.0
"""After the end whoever sits there closes the line. Until then it is kept open so long."""
SIZE = (24, 80)


class Held:
    """Output not taken yet. Offsets count bytes since the job began.

    `start` None: an earlier supervisor counted; whoever comes knows how far it is.
    """

    def __init__(self, start: int | None = 0) -> None:
        self._start = start
        self._bytes = bytearray()

    @property
    def full(self) -> bool:
        return len(self._bytes) >= WINDOW_BYTES

    def put(self, chunk: bytes) -> None:
        self._bytes += chunk

    def resume(self, at: int) -> int:
        """From where it can go on for somebody who has taken `at` bytes."""
        if self._start is None:
            self._start = at
        self.taken(at)
        return self._start

    def taken(self, at: int) -> None:
        """Everything before `at` may go. What was never sent stays."""
        if self._start is not None and self._start < at <= self._start + len(self._bytes):
            del self._bytes[: at - self._start]
            self._start = at

    def since(self, at: int) -> bytes:
        """A piece from there on; empty when there is nothing yet."""
        first = at - (self._start or 0)
        return bytes(self._bytes[first : first + terminal.PAYLOAD_BYTES_MAX])

    def clear(self) -> bytes:
        left, self._bytes = bytes(self._bytes), bytearray()
        self._start = (self._start or 0) + len(left)
        return left


class JobTerminal:
    """Implements `running.Outflow`. `entry`, `output`: descriptors, the same one for a terminal.

    `presence(True)`: somebody came, `presence(False)`: nobody is there any more.
    `unseen`: lines that nobody is to see any more. `closed`: the way in was closed for good.
    """

    last_lines: Sequence[str] = ()

    def __init__(
        self,
        entry: int | None,
        output: int,
        tty: bool,
        presence: Callable[[bool], None],
        unseen: Callable[[Sequence[str]], None],
        closed: Callable[[], None],
        adopted: bool = False,
    ) -> None:
        self.tty = tty
        self.held = Held(None if adopted else 0)
        self._input_taken: int | None = None if adopted else 0
        self.end: Frame | None = None
        self.news = asyncio.Event()
        self.hang_up: Callable[[], None] = lambda: None
        self._entry = entry
        self._output: int | None = output
        self._presence = presence
        self._unseen = unseen
        self._closed = closed
        self._left = False
        self._splitter = Splitter()
        self._client: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._reading = False
        for fd in {output, *(() if entry is None else (entry,))}:
            os.set_blocking(fd, False)
        self._read_on()

    # --- who is there -------------------------------------------------------------------------

    def check_free(self) -> None:
        """Raises Terminal (of model.errors) while somebody is attached."""
        if self._client is not None:
            raise Impossible("cannot attach: somebody is attached to it already")

    def resume(self, taken: int, typed: int) -> tuple[int, int]:
        """From where it goes on, in both directions. What an earlier supervisor counted, only
        whoever comes knows."""
        if self._input_taken is None:
            self._input_taken = typed
        return self.held.resume(taken), self._input_taken

    def come(self) -> None:
        self._client = asyncio.current_task()
        self._presence(True)

    def go(self) -> None:
        self._client = None
        self._presence(False)

    def leave(self) -> None:
        """Nobody comes any more: what it says from here on goes to the log."""
        self._left = True
        self._tell_unseen(self.held.clear())
        self._read_on()

    # --- output -------------------------------------------------------------------------------

    def taken(self, at: int) -> None:
        self.held.taken(at)
        self._read_on()

    def close(self) -> None:
        """The process has ended: take what is left, and tell of the end soon."""
        self._stop_reading()
        if self._output is not None:
            for _ in range(LEFT_READS_MAX):
                if not self._take():
                    break
            if self._output != self._entry:
                os.close(self._output)
            self._output = None
        self._unseen(list(self._splitter.flush()))
        self.close_entry()

    def told_end(self, code: int | None, text: str) -> None:
        self.end = terminal.end(code, text)
        self.news.set()

    def _read_on(self) -> None:
        if self._output is not None and not self._reading and not self.held.full:
            self._reading = True
            self._loop.add_reader(self._output, self._take)

    def _stop_reading(self) -> None:
        if self._reading and self._output is not None:
            self._loop.remove_reader(self._output)
        self._reading = False

    def _take(self) -> bool:
        """Whether there was something. A terminal that nobody inside has open answers EIO."""
        assert self._output is not None
        try:
            chunk = os.read(self._output, CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._stop_reading()
            return False
        if self._left:
            self._tell_unseen(chunk)
        else:
            self.held.put(chunk)
            self.news.set()
        if self.held.full:
            self._stop_reading()
        return True

    def _tell_unseen(self, chunk: bytes) -> None:
        if lines := list(self._splitter.feed(chunk)):
            self._unseen(lines)

    # --- input --------------------------------------------------------------------------------

    async def type_in(self, payload: bytes) -> int:
        """Returns once it was taken, with the count of all that was. What the job does not want to
        read any more is dropped."""
        left = memoryview(payload)
        while left and self._entry is not None:
            try:
                left = left[os.write(self._entry, left) :]
            except BlockingIOError:
                await self._writable(self._entry)
            except OSError:
                break
        self._input_taken = (self._input_taken or 0) + len(payload)
        return self._input_taken

    def end_input(self) -> None:
        """A pipe is closed. A terminal's user types Ctrl-D instead."""
        if not self.tty:
            self.close_entry()

    def close_entry(self) -> None:
        if self._entry is not None and self._entry != self._output:
            self._loop.remove_writer(self._entry)
            os.close(self._entry)
            self._entry = None
            self._closed()

    def resize(self, size: terminal.Size) -> None:
        if self.tty and self._entry is not None:
            with contextlib.suppress(OSError):
                set_size(self._entry, size.rows, size.columns)

    async def _writable(self, fd: int) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(fd, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            self._loop.remove_writer(fd)


def set_size(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def converse(
    side: JobTerminal, at: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One visit, from byte `at` of the output on, until it ends or the line breaks.

    Raises OSError, EOFError, ValueError.
    """
    side.come()
    sending = asyncio.ensure_future(_show(side, at, writer))
    hearing = asyncio.ensure_future(_heed(side, reader, writer))
    try:
        await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            hearing.result()
        sending.result()
        # closed by us with words of theirs still under way, what they have not read yet is lost
        await asyncio.wait((hearing,), timeout=FAREWELL_S_MAX)
    finally:
        for task in (sending, hearing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, EOFError, ValueError):
                await task
        side.go()


async def _show(side: JobTerminal, at: int, writer: asyncio.StreamWriter) -> None:
    while True:
        side.news.clear()
        while piece := side.held.since(at):
            at += len(piece)
            writer.write(terminal.encode(Frame(Kind.OUTPUT, piece)))
            await writer.drain()
        if side.end is not None:
            writer.write(terminal.encode(side.end))
            await writer.drain()
            return
        await side.news.wait()


async def _heed(
    side: JobTerminal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        kind, length = terminal.head(await reader.readexactly(terminal.HEAD_BYTES))
        payload = await reader.readexactly(length)
        match kind:
            case Kind.INPUT:
                taken = await side.type_in(payload)
                writer.write(terminal.encode(terminal.taken(taken)))
            case Kind.INPUT_END:
                side.end_input()
            case Kind.TAKEN:
                side.taken(terminal.count(payload))
            case Kind.RESIZE:
                side.resize(terminal.size(payload))
            case Kind.HANG_UP:
                side.hang_up()
            case Kind.OUTPUT | Kind.END:
                raise ValueError("only a job says that")
