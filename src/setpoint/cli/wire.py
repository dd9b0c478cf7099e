"""HTTP/1.1 on one socket for one request: what the API, the edge and their streams need.

The standard library's client brings ssl and email along, which takes as long to import as a whole
`setpoint why` may take. Nothing here knows what is asked or answered.
"""

import contextlib
import socket
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import IO

CHUNK_BYTES = 64 * 1024
LINE_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200


class Broken(OSError):
    """The other side spoke no HTTP, or went away in the middle of an answer."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.strerror = fact


class Response:
    """`headers` as they came; `header` finds one by any spelling. The body is read once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.status, self.reason = _status(_line(file))
        self.headers = tuple(_headers(file))
        self._found = {name.lower(): value for name, value in self.headers}

    def header(self, name: str, default: str = "") -> str:
        return self._found.get(name.lower(), default)

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def lines(self) -> Iterator[bytes]:
        """As they come, without their ends; the last one needs none."""
        rest = b""
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes; ends where it ends, or raises Broken."""
        if self.header("transfer-encoding").lower() == "chunked":
            return _chunked(self._file)
        if self.header("content-length"):
            return _exactly(self._file, int(self.header("content-length")))
        if self.status == 204:
            return iter(())
        return iter(lambda: self._file.read1(CHUNK_BYTES), b"")  # pyright: ignore


@contextlib.contextmanager
def exchange(
    link: socket.socket,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | IO[bytes] = b"",
) -> Generator[Response]:
    """Send one request, then read the answer as far as wanted. Closes the socket."""
    with link, link.makefile("rb") as file:
        # An early refusal (too large) closes the way in while we still send: read it all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(_head(method, path, headers))
            if isinstance(body, bytes):
                link.sendall(body)
            else:
                link.sendfile(body)
        yield Response(file)


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """`headers` carry Content-Length where there is a body."""
    sent = {"Connection": "close", **headers}
    lines = (f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items()))
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header must be one line")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _status(line: bytes) -> tuple[int, str]:
    version, _, rest = line.decode("latin-1").partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise Broken("it does not speak HTTP" if line else "it closed the connection")
    return int(code), reason


def _headers(file: IO[bytes]) -> Iterable[tuple[str, str]]:
    for _ in range(HEADERS_MAX):
        line = _line(file).decode("latin-1")
        if not line:
            return
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()
    raise Broken("its answer has too many headers")


def _line(file: IO[bytes]) -> bytes:
    line = file.readline(LINE_BYTES_MAX)
    if len(line) == LINE_BYTES_MAX:
        raise Broken("its answer has too long a line")
    return line.rstrip(b"\r\n")


def _exactly(file: IO[bytes], length: int) -> Iterator[bytes]:
    left = length
    while left:
        chunk = file.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise Broken("it went away in the middle of an answer")
        left -= len(chunk)
        yield chunk


def _chunked(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        said = _line(file).partition(b";")[0]
        try:
            size = int(said, 16)
        except ValueError:
            raise Broken("it went away in the middle of an answer") from None
        yield from _exactly(file, size)
        _line(file)
        if size == 0:
            return
