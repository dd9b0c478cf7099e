"""One question over HTTP to an instance that listens: is its answer good enough?

It is asked from the supervisor's only loop, of programs that may say anything or nothing: so every
read is bounded in bytes and seconds, and no redirect is followed. HTTP/1.1 (RFC 9112).
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from setpoint.model.app import Probe
from setpoint.model.process import Endpoint, ProbeSeen

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 4 * 1024
BODY_S_MAX = 1.0
REST_BYTES_MAX, REST_S_MAX = 1024 * 1024, 0.2
"""How much of a good answer is waited for, so that no app is cut off in its first page and says so
in its log; what has no end does not keep it from being ready."""
SHOWN_CHARS_MAX = 500
PATH_CHARS_SHOWN = 100

STATUS_LINE_RE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r?\n")
CHUNK_RE = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(endpoint: Endpoint, host: str, probe: Probe) -> ProbeSeen | None:
    """None: it answered as it should. Nothing that the app does makes this raise."""
    question = f"GET {_shortened(probe.path)}"
    try:
        async with _dialled(endpoint, probe.timeout_s) as (reader, writer):
            writer.write(_request(probe.path, host))
            async with asyncio.timeout(probe.timeout_s):
                status, head, rest = await _head(reader)
            if status < probe.status_below:
                await _read(reader, rest, REST_BYTES_MAX, REST_S_MAX)
                return None
            body = await _read(reader, rest, BODY_BYTES_MAX, BODY_S_MAX)
            return ProbeSeen(f"answered {status} to {question}", status, shown(head, body))
    except TimeoutError:
        return ProbeSeen(f"did not answer {question} within {probe.timeout_s:g} s")
    except _NotHttp as error:
        return ProbeSeen(error.how.format(question), body=_printable(error.said))
    except OSError as error:
        return ProbeSeen(f"broke off {question}: {error.strerror or error}")


class _NotHttp(Exception):
    """`how`: with a place for the question. `said`: what came instead of an answer."""

    def __init__(self, how: str, said: bytes = b"") -> None:
        super().__init__(how)
        self.how = how
        self.said = said


@asynccontextmanager
async def _dialled(endpoint: Endpoint, timeout_s: float) -> AsyncGenerator[Streams]:
    """As the edge dials it. Raises OSError, TimeoutError."""
    async with asyncio.timeout(timeout_s):
        if endpoint.kind in ("pipe", "relay"):
            path = endpoint.address
            reader, writer = await asyncio.open_unix_connection(path, limit=HEAD_BYTES_MAX)
        else:
            address = (endpoint.address, endpoint.port)
            reader, writer = await asyncio.open_connection(*address, limit=HEAD_BYTES_MAX)
    try:
        yield reader, writer
    finally:
        writer.close()


def _request(path: str, host: str) -> bytes:
    """`X-Forwarded-Proto`: else what insists on TLS answers with a redirect to itself."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: setpoint-probe",
        "Accept: */*",
        "X-Forwarded-Proto: https",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()


async def _head(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """(status, head, the first of what follows it). An interim answer (1xx) is passed over."""
    got = b""
    while True:
        head, found, rest = got.partition(b"\r\n\r\n")
        status = _status(head + found)
        if found and status >= 200:
            return status, head, rest
        if found:
            got = rest
            continue
        if len(got) >= HEAD_BYTES_MAX:
            raise _NotHttp("answered {} with headers of more than 16 KiB")
        more = await reader.read(HEAD_BYTES_MAX - len(got))
        if not more:
            when = "in the middle of its answer to" if got else "on"
            raise _NotHttp(f"closed the connection {when} {{}}", got)
        got += more


def _status(head: bytes) -> int:
    """0 while it has not come whole. Raises _NotHttp as soon as it never can."""
    line, found, _ = head.partition(b"\n")
    match = STATUS_LINE_RE.fullmatch(line + found)
    if match is not None:
        return int(match[1])
    if found or not line.startswith(b"HTTP/1."[: len(line)]):
        raise _NotHttp("did not answer {} in HTTP/1.1", line)
    return 0


async def _read(reader: asyncio.StreamReader, got: bytes, bytes_max: int, within_s: float) -> bytes:
    """The beginning of a body; whatever has come when the time is up."""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(within_s):
            while len(got) < bytes_max and (more := await reader.read(BODY_BYTES_MAX)):
                got += more
    return got[:bytes_max]


def shown(head: bytes, body: bytes) -> str:
    """What a person wants to see of an error page: its first printable characters."""
    if re.search(rb"(?im)^transfer-encoding:.*\bchunked\b", head):
        body = _dechunked(body)
    return _printable(body)


def _dechunked(body: bytes) -> bytes:
    """As far as it goes: the end may be missing."""
    whole, at = b"", 0
    while (size := CHUNK_RE.match(body, at)) is not None and (length := int(size[1], 16)):
        whole += body[size.end() : size.end() + length]
        at = size.end() + length + 2
    return whole


def _printable(said: bytes) -> str:
    """Line breaks stay, empty lines and everything else that moves a cursor do not."""
    text = said.decode("utf-8", "replace").replace("\t", " ")
    lines = ("".join(c for c in line if c.isprintable()).strip() for line in text.splitlines())
    return "\n".join(filter(None, lines))[:SHOWN_CHARS_MAX]


def _shortened(path: str) -> str:
    return path if len(path) <= PATH_CHARS_SHOWN else f"{path[:PATH_CHARS_SHOWN]}..."
