"""The supervisor's door: one request per line from processes of the plane, one reply each.

Only framing, checking who calls, and passing on. What a request does is `Supervisor`'s matter.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from setpoint.drivers.local.dyno_lines import tail_overflow
from setpoint.drivers.local.hub import Hub
from setpoint.drivers.local.logs import Logs
from setpoint.drivers.local.terminals import JobTerminal, converse
from setpoint.formats import control
from setpoint.formats.control import FactsChanged, Failed, LogLine, ReadLogs, Reply, Request
from setpoint.model.errors import DriverError
from setpoint.model.log import EVERYTHING, LogFilter

CLIENTS_MAX = 256
FOLLOW_LINES_MAX = 2000
"""Lines kept for a follower that reads slower than the app writes; then some are left out."""

Answer = Callable[[Request], Awaitable[Reply]]


class ControlServer:
    """`answer` serves every request but the three that turn the connection into a stream."""

    def __init__(
        self,
        answer: Answer,
        snapshot: Callable[[], list[FactsChanged]],
        hub: Hub,
        logs: Logs,
        terminal: Callable[[control.AttachJob], JobTerminal],
        uids: frozenset[int],
        now_s: Callable[[], float],
    ) -> None:
        self._answer = answer
        self._snapshot = snapshot
        self._hub = hub
        self._logs = logs
        self._terminal = terminal
        self._uids = uids
        self._now_s = now_s
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.start_unix_server(
            self._serve, sock=listener, limit=control.LINE_BYTES_MAX
        )

    def close_clients(self) -> None:
        for writer in list(self._clients):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if len(self._clients) <= CLIENTS_MAX and peer_uid(writer) in self._uids:
                await self._converse(reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass  # the peer went away, or sent a line beyond every bound
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                request = control.decode_request(line)
            except msgspec.MsgspecError as error:
                await send(writer, Failed("terminal", f"cannot read the request: {error}"))
                continue
            match request:
                case control.Subscribe():
                    await self._stream_facts(reader, writer)
                    return
                case control.AttachJob():
                    await self._attach(request, reader, writer)
                    return
                case ReadLogs(follow=True):
                    await self._stream_logs(request, reader, writer)
                    return
                case _:
                    await send(writer, await self._answer(request))

    async def _stream_facts(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        subscription = self._hub.subscribe()
        try:
            events = [*self._snapshot(), control.SnapshotEnd()]
            await send(writer, *events)

            async def forward() -> None:
                while True:
                    await send(writer, *await subscription.next())

            await until_closed(reader, forward())
        finally:
            self._hub.unsubscribe(subscription)

    async def _attach(
        self,
        request: control.AttachJob,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            side = self._terminal(request)
        except DriverError as error:
            await send(writer, control.failed(error))
            return
        at, typed = side.resume(request.taken, request.typed)
        await send(writer, control.Attached(at, typed))
        await converse(side, at, reader, writer)

    async def _stream_logs(
        self, request: ReadLogs, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        queue = LineQueue(self._now_s, request.only)
        # Both before anything is waited for: a line is in one of them, and in one alone.
        kept = self._logs.tail(request.app, request.lines, request.only)
        unfollow = self._logs.follow(request.app, queue.put)
        try:
            await send(writer, control.Logs(kept))

            async def forward() -> None:
                while True:
                    await send(writer, *await queue.take())

            await until_closed(reader, forward())
        finally:
            unfollow()


class LineQueue:
    """Lines for one follower, bounded: what it has no room for is counted and told."""

    def __init__(self, now_s: Callable[[], float], only: LogFilter = EVERYTHING) -> None:
        self._only = only
        self._lines: deque[LogLine] = deque()
        self._left_out = 0
        self._something = asyncio.Event()
        self._now_s = now_s

    def put(self, line: LogLine) -> None:
        if not line.kept_by(self._only):
            return
        if len(self._lines) < FOLLOW_LINES_MAX:
            self._lines.append(line)
        else:
            self._left_out += 1
        self._something.set()

    async def take(self) -> list[LogLine]:
        await self._something.wait()
        self._something.clear()
        lines = list(self._lines)
        self._lines.clear()
        if self._left_out:
            text = tail_overflow(self._left_out)
            lines.append(LogLine(self._now_s(), "heroku", "logplex", text))
            self._left_out = 0
        return lines


async def answering(serve: Callable[[], Awaitable[Reply]]) -> Reply:
    """Errors of the world as replies. Anything else is a bug, and the connection ends."""
    try:
        return await serve()
    except DriverError as error:
        return control.failed(error)
    except OSError as error:
        return Failed("transient", f"cannot do it now: {error}")


def peer_uid(writer: asyncio.StreamWriter) -> int:
    """The uid of the process at the other end, from the kernel."""
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", raw)[1]


async def send(writer: asyncio.StreamWriter, *messages: Reply | control.Event) -> None:
    writer.writelines(control.encode(message) for message in messages)
    await writer.drain()


async def until_closed(reader: asyncio.StreamReader, forward: Awaitable[None]) -> None:
    """Stream until the peer closes, or says anything more: a stream has no second request."""
    task = asyncio.ensure_future(forward)
    closed = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((task, closed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, closed):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await each
