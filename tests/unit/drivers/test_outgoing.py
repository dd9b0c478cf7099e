"""What is sent for users, against real receivers on loopback, which the operator opened here."""

import asyncio
import base64
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from setpoint.drivers import logplex
from setpoint.drivers.outgoing import Outgoing
from setpoint.model.drain import Frame, Place
from setpoint.model.errors import DriverError, Terminal, Transient
from tests.support.https import certificates

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
PLACE = Place("m")
HELLO = b"29 <190>1 t host app web.1 - hello\n"


def frame(*messages: bytes, id: str = "f-1") -> Frame:
    return Frame(id, messages, PLACE, len(messages))


@dataclass
class Receiver:
    """What came, by connection. `tls`: its certificate."""

    tls: Path | None = None
    port: int = 0
    came: list[bytearray] = field(default_factory=list[bytearray])
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    deaf: bool = False

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self.came.append(heard)
        self.writers.append(writer)
        while not self.deaf and (chunk := await reader.read(65536)):
            heard += chunk
            await self.heard(heard, writer)

    async def heard(self, heard: bytearray, writer: asyncio.StreamWriter) -> None:
        """Nobody answers."""

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


Status = int | bytes | None


@dataclass
class Web(Receiver):
    """Speaks as much HTTP as is needed. `answers`: a status, raw bytes, or None for silence."""

    answers: list[Status] = field(default_factory=list[Status])
    posts: list[tuple[dict[str, str], bytes]] = field(
        default_factory=list[tuple[dict[str, str], bytes]]
    )
    paths: list[str] = field(default_factory=list[str])

    async def heard(self, heard: bytearray, writer: asyncio.StreamWriter) -> None:
        head, end, body = bytes(heard).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        named = {name.lower(): value for name, value in headers.items()}
        if not end or len(body) < int(named["content-length"]):
            return
        heard.clear()
        self.paths.append(first.split()[1])
        self.posts.append((named, body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, bytes):
            writer.write(answer)
        elif answer is not None:
            writer.write(
                b"HTTP/1.1 %d Said\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok" % answer
            )


@contextlib.asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[Any]:
    context = None
    if receiver.tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(receiver.tls)
    # Clients that trust nobody hang up, which asyncio would report.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    server = await asyncio.start_server(receiver.visit, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.hang_up()
        await asyncio.sleep(0)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the other side has no event to give
            await asyncio.sleep(0.005)


def played(
    receiver: Receiver,
    story: Callable[[Any, Outgoing], Awaitable[None]],
    *,
    allowed: Any = LOOPBACK,
    wait_s: float = 10.0,
) -> None:
    async def whole() -> None:
        outgoing = Outgoing(allowed, wait_s)
        try:
            async with listening(receiver):
                await story(receiver, outgoing)
        finally:
            outgoing.close()

    asyncio.run(whole())


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    authority, chain = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return chain


async def refusal(sink: logplex.Sink) -> DriverError:
    with pytest.raises((Transient, Terminal)) as failed:
        await sink.send(frame(HELLO))
    return failed.value


# --- syslog -----------------------------------------------------------------------------------


def test_syslog_goes_over_one_connection_in_order() -> None:
    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog://localhost:{receiver.port}")
        assert (sink.host, sink.linger_s) == ("d.7f", 0.0)
        assert await sink.send(frame(b"1 a", b"1 b")) == ""
        assert await sink.send(frame(b"1 c")) == ""
        await until(lambda: receiver.came and receiver.came[0] == b"1 a1 b1 c")
        assert len(receiver.came) == 1
        sink.close()

    played(Receiver(), story)


def test_a_receiver_that_hung_up_is_called_again() -> None:
    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog://127.0.0.1:{receiver.port}")
        await sink.send(frame(b"1 a"))
        await until(lambda: receiver.came and receiver.came[0])
        receiver.hang_up()
        await asyncio.sleep(0.05)
        await sink.send(frame(b"1 b"))
        await until(lambda: len(receiver.came) == 2 and receiver.came[1] == b"1 b")
        sink.close()

    played(Receiver(), story)


def test_a_receiver_that_reads_nothing_is_given_up_after_a_time() -> None:
    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog://127.0.0.1:{receiver.port}")

        async def flood() -> None:
            while True:
                await sink.send(frame(b"x" * 1_000_000))

        with pytest.raises(Transient, match=r"no answer within 0\.3 s"):
            await flood()
        sink.close()

    played(Receiver(deaf=True), story, wait_s=0.3)


def test_syslog_over_tls_checks_who_answers(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog+tls://localhost:{receiver.port}")
        await sink.send(frame(HELLO))
        await until(lambda: receiver.came and receiver.came[0] == HELLO)
        sink.close()
        monkeypatch.delenv("SSL_CERT_FILE")
        stranger = Outgoing(LOOPBACK, 10.0)
        sink = logplex.sink(stranger, "7f", f"syslog+tls://localhost:{receiver.port}")
        assert "its certificate is not trusted" in (await refusal(sink)).message
        stranger.close()

    played(Receiver(tls=chain), story)


def test_a_certificate_for_another_name_is_not_enough(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows(monkeypatch, {"logs.example.com": ["127.0.0.1"]})

    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog+tls://logs.example.com:{receiver.port}")
        told = await refusal(sink)
        assert isinstance(told, Terminal)
        assert "Hostname mismatch" in told.message
        assert not any(receiver.came)

    played(Receiver(tls=chain), story)


def test_tls_is_never_left_out() -> None:
    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        for scheme in ("syslog+tls", "https"):
            sink = logplex.sink(outgoing, "7f", f"{scheme}://localhost:{receiver.port}")
            assert isinstance(await refusal(sink), Transient)
            assert HELLO not in b"".join(receiver.came)

    played(Receiver(), story, wait_s=0.5)


# --- https ------------------------------------------------------------------------------------


def test_a_batch_is_posted_as_logplex_does(chain: Path) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        url = f"https://me:p%40ss@localhost:{web.port}/in?key=k1"
        sink = logplex.sink(outgoing, "7f", url)
        assert sink.host == "host"
        assert await sink.send(frame(HELLO, HELLO)) == ""
        ((headers, body),) = web.posts
        assert body == HELLO * 2
        assert web.paths == ["/in?key=k1"]
        assert headers["content-type"] == "application/logplex-1"
        assert headers["logplex-msg-count"] == "2"
        assert headers["logplex-frame-id"] == "f-1"
        assert headers["logplex-drain-token"] == "d.7f"
        assert headers["host"] == f"localhost:{web.port}"
        said = base64.b64decode(headers["authorization"].removeprefix("Basic "))
        assert said == b"me:p@ss"
        sink.close()

    played(Web(tls=chain), story)


def test_a_connection_is_kept_and_one_that_was_closed_is_no_failure(chain: Path) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"https://localhost:{web.port}/")
        for _ in range(3):
            await sink.send(frame(HELLO))
        assert len(web.came) == 1
        web.hang_up()
        await asyncio.sleep(0.05)
        assert await sink.send(frame(HELLO)) == ""
        assert (len(web.came), len(web.posts)) == (2, 4)
        sink.close()

    played(Web(tls=chain), story)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_a_receiver_in_trouble_is_tried_again(chain: Path, status: int) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"https://localhost:{web.port}/")
        told = await refusal(sink)
        assert isinstance(told, Transient)
        assert f"it answers {status}" in told.message
        assert await sink.send(frame(HELLO)) == ""
        assert [h["logplex-frame-id"] for h, _ in web.posts] == ["f-1", "f-1"]
        sink.close()

    played(Web(tls=chain, answers=[status]), story)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 301, 302, 307])
def test_what_a_receiver_does_not_want_is_not_sent_again_nor_anywhere_else(
    chain: Path, status: int
) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"https://me:pw@localhost:{web.port}/secret")
        told = await sink.send(frame(HELLO))
        assert told == f"https://localhost:{web.port} answers {status}"
        assert web.paths == ["/secret"]
        sink.close()

    played(Web(tls=chain, answers=[status]), story)


def test_silence_nonsense_and_a_connection_that_breaks_are_trouble(chain: Path) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"https://localhost:{web.port}/")
        assert "no answer within 0.5 s" in (await refusal(sink)).message
        assert "it speaks no HTTP" in (await refusal(sink)).message
        short = await refusal(sink)
        assert isinstance(short, Transient)
        assert await sink.send(frame(HELLO)) == ""
        sink.close()

    half = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"
    played(Web(tls=chain, answers=[None, b"SSH-2.0-what\r\n\r\n", half]), story, wait_s=0.5)


def test_an_endless_answer_is_not_read_to_its_end(chain: Path) -> None:
    async def story(web: Web, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"https://localhost:{web.port}/")
        assert await sink.send(frame(HELLO)) == ""
        assert await sink.send(frame(HELLO)) == ""
        assert len(web.came) == 2
        sink.close()

    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 1_000_000
    played(Web(tls=chain, answers=[endless]), story, wait_s=5.0)


# --- addresses --------------------------------------------------------------------------------

REAL = socket.getaddrinfo


def knows(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> list[str]:
    """These names lead there, each time to the next of the addresses; which were asked for."""
    asked: list[str] = []

    def found(host: Any, port: Any, *more: Any, **others: Any) -> Any:
        if host not in names:
            return REAL(host, port, *more, **others)
        asked.append(host)
        address = names[host][0] if len(names[host]) == 1 else names[host].pop(0)
        return REAL(address, port, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


@pytest.mark.parametrize("scheme", ["syslog", "syslog+tls", "https"])
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, scheme: str, address: str
) -> None:
    knows(monkeypatch, {"innocent.example": [address]})

    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        url = f"{scheme}://innocent.example:{receiver.port}"
        told = await refusal(logplex.sink(outgoing, "7f", url))
        assert isinstance(told, Terminal)
        assert f"{address} is not a public address" in told.message
        assert receiver.came == []

    played(Receiver(), story, allowed=())


def test_a_name_is_looked_up_once_and_what_was_judged_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = knows(monkeypatch, {"rebinding.example": ["127.0.0.1", "127.0.0.2"]})
    only = (ipaddress.ip_network("127.0.0.1/32"),)

    async def story(receiver: Receiver, outgoing: Outgoing) -> None:
        sink = logplex.sink(outgoing, "7f", f"syslog://rebinding.example:{receiver.port}")
        await sink.send(frame(HELLO))
        await until(lambda: receiver.came and receiver.came[0] == HELLO)
        assert asked == ["rebinding.example"]
        receiver.hang_up()
        await asyncio.sleep(0.05)
        told = await refusal(sink)
        assert "127.0.0.2 is not a public address" in told.message

    played(Receiver(), story, allowed=only)


def test_no_message_tells_a_secret(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    async def story(web: Web, outgoing: Outgoing) -> None:
        for where in (f"localhost:{web.port}", "localhost:1", "nowhere.invalid"):
            sink = logplex.sink(outgoing, "7f", f"https://me:hunter2@{where}/path7?key=k1")
            told = str(await refusal(sink))
            assert told.startswith("cannot ")
            assert not any(secret in told for secret in ("hunter2", "k1", "path7", "me:"))

    played(Web(tls=chain), story)
