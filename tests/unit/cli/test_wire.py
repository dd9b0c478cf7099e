"""HTTP on a bare socket: every way an answer can end, or break off."""

import socket
import threading
from collections.abc import Callable

import pytest

from setpoint.cli import wire


def answered(*parts: bytes) -> tuple[socket.socket, Callable[[], bytes]]:
    """A connected socket whose other side answers so; and what it was sent."""
    ours, theirs = socket.socketpair()
    seen: list[bytes] = []

    def serve() -> None:
        with theirs:
            while b"\r\n\r\n" not in b"".join(seen):
                seen.append(theirs.recv(65536))
            for part in parts:
                theirs.sendall(part)

    thread = threading.Thread(target=serve)
    thread.start()

    def sent() -> bytes:
        thread.join(5)
        return b"".join(seen)

    return ours, sent


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none\n", b"two\n"),
        (CHUNKED, b"2\r\non\r\n", b"6;x=y\r\ne\ntwo\n\r\n0\r\n\r\n"),
        (b"HTTP/1.0 200 OK\r\n\r\none\ntwo\n",),
    ],
    ids=["length", "chunked", "until closed"],
)
def test_lines_come_whole_however_the_body_is_framed(parts: tuple[bytes, ...]) -> None:
    link, _ = answered(*parts)
    with wire.exchange(link, "GET", "/", {}) as response:
        assert list(response.lines()) == [b"one", b"two"]


def test_the_request_is_one_head_and_one_body() -> None:
    link, sent = answered(b"HTTP/1.1 204 No Content\r\nX-Y: z\r\n\r\n")
    with wire.exchange(link, "POST", "/a", {"Content-Length": "2"}, b"hi") as response:
        assert (response.status, response.reason, response.header("x-y")) == (
            204,
            "No Content",
            "z",
        )
        assert response.read() == b""
    assert sent().startswith(b"POST /a HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"SSH-2.0-x\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",),
        (CHUNKED, b"5\r\nab"),
        (CHUNKED, b"2\r\nab\r\n"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 201,),
        (b"HTTP/1.1 200 " + b"x" * 70_000,),
    ],
)
def test_half_an_answer_is_no_answer(parts: tuple[bytes, ...]) -> None:
    link, _ = answered(*parts)
    with pytest.raises(wire.Broken), wire.exchange(link, "GET", "/", {}) as response:
        response.read()


def test_a_header_cannot_smuggle_another() -> None:
    link, _ = socket.socketpair()
    with (
        pytest.raises(ValueError, match="one line"),
        wire.exchange(link, "GET", "/", {"A": "b\r\nC: d"}),
    ):
        pass
    _.close()
