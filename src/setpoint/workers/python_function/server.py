"""uvicorn with its own accept replaced: one connection at a time, and none beyond the limit.

So the listening socket is readable exactly when one more instance is wanted. uvicorn's own loop
would take every queued connection at once.
"""

import asyncio
import contextlib
import errno
import select
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from .invocation import CONNECTION

SILENT_S_MAX = 10.0
"""a connection that says nothing gives its place back"""
SILENT_DRAINING_S_MAX = 1.0
LOST = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})
"""the function closed it, or put something else in its place"""
BREATHE_S = 0.2
"""after a failed accept (no descriptors left): try again, don't spin"""


def make_server(
    app, listener: socket.socket, limit: int, record: Callable[[str], None]
) -> "FunctionServer":
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        interface="asgi3",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",  # without one it logs each message it passes on
        proxy_headers=False,
        date_header=False,
        server_header=False,
    )
    return FunctionServer(config, listener, limit, record)


class FunctionServer(uvicorn.Server):
    """`record`: called with `ready` once, and with `draining`."""

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        limit: int,
        record: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._limit = limit
        self._record = record
        self._accepting = False
        self._open = 0
        self.broken = False
        """it has lost what it was to listen on"""

    # --- uvicorn's story: startup, main_loop, shutdown ---

    def install_signal_handlers(self) -> None:
        """uvicorn up to 0.28 would install its own."""

    def capture_signals(self):
        """Later ones raise SIGTERM again after the drain, and would end with a signal."""
        return contextlib.nullcontext()

    async def startup(self, sockets=None) -> None:
        """Loads the function (in the lifespan) and starts to accept."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._empty = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        await super().startup(sockets=[])
        if self.should_exit or self.lifespan.should_exit:
            return
        self._protocol = _watched(self)
        self._adjust()
        self._record("ready")

    async def main_loop(self) -> None:
        """uvicorn's looks around ten times a second; an idle instance should not wake up at all."""
        await self._stop.wait()
        self._adjust()
        with contextlib.suppress(OSError):  # a function may have done so
            self._listener.close()  # only our copy: what is queued stays in the supervisor's
        self._record("draining")
        for protocol in list(self.server_state.connections):
            self._loop.call_later(SILENT_DRAINING_S_MAX, _close_if_silent, protocol)
        if self._open:
            await self._empty.wait()

    def stop(self) -> None:
        """As SIGTERM does."""
        self._stop.set()

    # --- accepting ---

    def _adjust(self) -> None:
        wanted = self._open < self._limit and not self._stop.is_set()
        if wanted and not self._accepting:
            self._loop.add_reader(self._listener.fileno(), self._accept_one)
        elif self._accepting and not wanted:
            self._loop.remove_reader(self._listener.fileno())
        self._accepting = wanted

    def _accept_one(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            if _hung_up(self._listener):  # else another instance was faster
                self._lose_listener("it was shut down")
            return
        except OSError as error:
            if error.errno in LOST:
                self._lose_listener(error.strerror or str(error))
                return
            print(f"setpoint: cannot accept a connection: {error}", file=sys.stderr)
            self._loop.remove_reader(self._listener.fileno())
            self._accepting = False
            self._loop.call_later(BREATHE_S, self._adjust)
            return
        connection.setblocking(False)
        self._open += 1
        self._adjust()
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(lambda: self._make_protocol(connection), connection)
        )
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def _lose_listener(self, fact: str) -> None:
        """The function took it away: what runs is answered, and another instance takes the next."""
        text = f"setpoint: its listening socket is lost ({fact}); ending this instance"
        print(text, file=sys.stderr)
        self.broken = True
        self._stop.set()

    def _make_protocol(self, connection: socket.socket):
        protocol = self._protocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=self._loop,
        )
        protocol.connection = connection
        return protocol

    def connection_lost(self) -> None:
        self._open -= 1
        self._adjust()
        if self._open == 0 and self._stop.is_set():
            self._empty.set()


def _watched(server: FunctionServer) -> type:
    """uvicorn's protocol class, telling us when a connection ends and closing silent ones."""

    class Protocol(server.config.http_protocol_class):
        def connection_made(self, transport) -> None:
            super().connection_made(transport)
            self._silent = self.loop.call_later(SILENT_S_MAX, _close_if_silent, self)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope[CONNECTION] = self.connection

        def connection_lost(self, exc) -> None:
            self._silent.cancel()
            super().connection_lost(exc)
            server.connection_lost()

    return Protocol


def _hung_up(listener: socket.socket) -> bool:
    look = select.poll()
    look.register(listener, 0)
    return bool(look.poll(0))


def _close_if_silent(protocol) -> None:
    """No request began on it. What is already closing is closed twice without harm."""
    if protocol.cycle is None:
        protocol.transport.close()
