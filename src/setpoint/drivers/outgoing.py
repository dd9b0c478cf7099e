"""Connections that are made for users all day long: nobody waits in a thread, and each is to an
address that was judged (`outbound.judged`), with the name that was asked for.

Certificates are held against the machine's own trust, and names against certificates.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import h11

from setpoint.drivers import outbound
from setpoint.model.errors import SetpointError, Terminal, Transient
from setpoint.model.target import Target
from setpoint.policy.addresses import Network

WAIT_S = 20.0
"""for a connection, and again for an answer"""
ANSWER_BYTES_MAX = 256 * 1024
NAMES_MAX = 16
"""looked up at once; some nameservers take long to say nothing"""
CHUNK_BYTES = 64 * 1024

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Outgoing:
    """`allowed`: networks beside public ones."""

    def __init__(self, allowed: tuple[Network, ...], wait_s: float = WAIT_S) -> None:
        self.wait_s = wait_s
        self._allowed = allowed
        self._names = ThreadPoolExecutor(NAMES_MAX, thread_name_prefix="names")
        self._tls: ssl.SSLContext | None = None

    async def connect(self, to: Target, *, secure: bool) -> Streams:
        """Raises Transient, Terminal."""
        async with self.trying(to):
            find = partial(outbound.judged, to.host, to.port, self._allowed)
            addresses = await asyncio.get_running_loop().run_in_executor(self._names, find)
            return await self._first(addresses, to, secure=secure)
        raise AssertionError("not reached")

    async def _first(self, addresses: list[str], to: Target, *, secure: bool) -> Streams:
        failed: OSError | None = None
        for address in addresses:
            try:
                return await self._dial(address, to, secure=secure)
            except ssl.SSLError:
                raise
            except OSError as error:
                failed = error
        raise failed or OSError("it has no address")

    async def _dial(self, address: str, to: Target, *, secure: bool) -> Streams:
        if not secure:
            return await asyncio.open_connection(address, to.port)
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return await asyncio.open_connection(
            address, to.port, ssl=self._tls, server_hostname=to.host
        )

    @contextlib.asynccontextmanager
    async def trying(self, to: Target) -> AsyncGenerator[None]:
        """Within the time for one answer; trouble of any kind is Transient or Terminal."""
        failing = f"cannot send to {to.shown}"
        try:
            async with asyncio.timeout(self.wait_s):
                yield
        except SetpointError:
            raise
        except TimeoutError:
            raise Transient(f"{failing}: no answer within {self.wait_s:g} s") from None
        except ssl.SSLCertVerificationError as error:
            fact = f"its certificate is not trusted ({error.verify_message})"
            raise Terminal(f"{failing}: {fact}") from None
        except h11.RemoteProtocolError as error:
            raise Transient(f"{failing}: it speaks no HTTP ({error})") from None
        except (OSError, EOFError) as error:
            raise Transient(f"{failing}: {_words(error)}") from None

    def close(self) -> None:
        self._names.shutdown(wait=False, cancel_futures=True)


class Posts:
    """To one https address, by one connection that is kept as long as the other side keeps it."""

    def __init__(self, outgoing: Outgoing, to: Target) -> None:
        self._outgoing = outgoing
        self._to = to
        self._open: tuple[Streams, h11.Connection] | None = None

    async def post(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer; nobody is followed elsewhere. Raises Transient, Terminal."""
        if self._open is not None:
            with contextlib.suppress(_Gone):  # closed meanwhile: that is no failure
                return await self._asked(headers, body, again=True)
        try:
            return await self._asked(headers, body, again=False)
        except _Gone:
            raise Transient(f"cannot send to {self._to.shown}: the connection broke off") from None

    async def _asked(self, headers: Mapping[str, str], body: bytes, *, again: bool) -> int:
        try:
            if self._open is None:
                streams = await self._outgoing.connect(self._to, secure=True)
                self._open = (streams, h11.Connection(h11.CLIENT))
            async with self._outgoing.trying(self._to):
                return await self._exchange(*self._open, headers, body, again=again)
            raise AssertionError("not reached")
        except BaseException:
            self.close()
            raise

    async def _exchange(
        self,
        streams: Streams,
        connection: h11.Connection,
        headers: Mapping[str, str],
        body: bytes,
        *,
        again: bool,
    ) -> int:
        reader, writer = streams
        sent = {"Host": self._to.place, "Content-Length": str(len(body)), **headers}
        request = h11.Request(method="POST", target=self._to.path, headers=list(sent.items()))
        parts = (request, h11.Data(data=body), h11.EndOfMessage())
        try:
            writer.writelines(filter(None, map(connection.send, parts)))
            await writer.drain()
            status = await _answer(reader, connection)
        except (ConnectionError, EOFError):
            if again:
                raise _Gone from None
            raise
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
        else:
            self.close()
        return status

    def close(self) -> None:
        if self._open is not None:
            self._open[0][1].transport.abort()
            self._open = None


async def post_once(outgoing: Outgoing, to: Target, headers: Mapping[str, str], body: bytes) -> int:
    """By a connection of its own. Raises Transient, Terminal."""
    posts = Posts(outgoing, to)
    try:
        return await posts.post(headers, body)
    finally:
        posts.close()


class _Gone(Exception):
    """What was kept open had been closed by the other side."""


async def _answer(reader: asyncio.StreamReader, connection: h11.Connection) -> int:
    """Its status, once all of it has come, within bounds."""
    status, size = 0, 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            chunk = await reader.read(CHUNK_BYTES)
            if not chunk and not status:
                raise EOFError("the connection broke off")
            connection.receive_data(chunk)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > ANSWER_BYTES_MAX:
                return status
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return "no TLS is spoken there, or it broke off"
    return getattr(error, "strerror", None) or str(error) or "the connection broke off"
