"""Bytes that are carried on: both ways, to their end, and to nobody where nobody is."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from setpoint.drivers import relay
from setpoint.model.errors import Refused
from tests.support.memory import run

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Talk = Callable[[int, list[str]], Awaitable[None]]


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only once all was said."""
    said = await reader.read()
    writer.write(said.upper())
    await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await reader.read()
    await closed(writer)


async def carried(talk: Talk, *, there: bool = True, answer: Answering = shout) -> list[str]:
    """What was complained of while somebody talked over the relay."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if not there:
        server.close()
    complaints: list[str] = []
    listener, ended = relay.listen(0, ""), asyncio.Event()
    here = listener.getsockname()[1]
    over = relay.Relay("127.0.0.1", complaints.append)
    serving = asyncio.create_task(over.serve({port: listener}, ended))
    async with asyncio.timeout(60):
        await talk(here, complaints)
        ended.set()
        await serving
    server.close()
    return complaints


def test_the_end_of_one_way_is_passed_on_and_the_other_goes_on() -> None:
    async def talk(port: int, _: list[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"quiet " * 100_000)
        writer.write_eof()
        assert await reader.read() == b"QUIET " * 100_000
        await closed(writer)

    assert run(carried(talk)) == []


def test_while_nobody_is_there_connections_are_let_go_and_that_is_said_once() -> None:
    async def talk(port: int, _: list[str]) -> None:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            await closed(writer)

    (complaint,) = run(carried(talk, there=False))
    assert complaint.startswith("cannot reach 127.0.0.1: ")


def test_what_is_open_ends_with_it() -> None:
    left: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def talk(port: int, _: list[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(5) == b"hello"
        left.append((reader, writer))

    async def whole() -> None:
        await carried(talk, answer=greet)
        ((reader, writer),) = left
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        await closed(writer)

    run(whole())


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        with pytest.raises(Refused, match="cannot listen on port"):
            relay.listen(mine.getsockname()[1], "")
