"""Connections to loopback, carried on as they are to another machine. Nothing is read in between:
TLS is spoken from end to end, and each client checks the other end's certificate by itself."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from setpoint.model.errors import Refused

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
DIAL_S_MAX = 10.0


class Relay:
    """`host`: where to. `complain`: told once when the other end cannot be reached, and again when
    it was reached in between."""

    def __init__(self, host: str, complain: Callable[[str], None]) -> None:
        self._host = host
        self._complain = complain
        self._reached = True
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, listeners: dict[int, socket.socket], until: asyncio.Event) -> None:
        """`listeners` by the port they lead to. Connections that are open end with it."""
        servers = [
            await asyncio.start_server(self._visit(port), sock=listener)
            for port, listener in listeners.items()
        ]
        try:
            await until.wait()
        finally:
            for server in servers:
                server.close()
            await asyncio.sleep(0)  # one that was just accepted is known a turn later
            while self._open:
                for task in self._open:
                    task.cancel()
                await asyncio.gather(*self._open, return_exceptions=True)
            await asyncio.sleep(0)  # and one that was closed is so

    def _visit(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._carry(port, reader, writer))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

        return begin

    async def _carry(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with _closing(writer):
            try:
                async with asyncio.timeout(DIAL_S_MAX):
                    there, back = await asyncio.open_connection(self._host, port)
            except OSError as error:  # a timeout is one, too
                self._lost(error)
                return
            self._reached = True
            with _closing(back):
                await _both(_pump(reader, back), _pump(there, writer))

    def _lost(self, error: OSError) -> None:
        if self._reached:
            fact = error.strerror or "it does not answer"
            self._complain(f"cannot reach {self._host}: {fact}; connections are let go until it is")
        self._reached = False


async def _both(*ways: Coroutine[Any, Any, None]) -> None:
    """Until both directions have ended, or one breaks."""
    try:
        async with asyncio.TaskGroup() as group:
            for way in ways:
                group.create_task(way)
    except* OSError:
        pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction; its end is passed on as such, since the other may go on. One that breaks
    breaks both."""
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Generator[None]:
    try:
        yield
    finally:
        writer.close()


def listen(port: int, hint: str) -> socket.socket:
    """On loopback. Raises Refused."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Refused(
            f"cannot listen on port {port} of {LOOPBACK}: {error.strerror}", hint
        ) from None
    return listener
