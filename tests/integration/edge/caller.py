"""A client of the edge: HTTP/1.1, and just enough of HTTP/2 to see that it is spoken."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

ANSWER_S_MAX = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.headers.get("x-setpoint-error", "")


async def call(
    port: int,
    host: str,
    path: str = "/",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    chunks: AsyncIterator[bytes] | None = None,
) -> Answer:
    """One request on a connection of its own. Raises OSError or EOFError when it is cut off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            sending = asyncio.create_task(
                _send(writer, f"{method} {path} HTTP/1.1", host, headers or {}, body, chunks)
            )
            answer = await _read_answer(reader)
            sending.cancel()
            return answer
    finally:
        writer.close()


async def _send(
    writer: asyncio.StreamWriter,
    first: str,
    host: str,
    headers: dict[str, str],
    body: bytes,
    chunks: AsyncIterator[bytes] | None,
) -> None:
    lines = [first, f"host: {host}", "connection: close"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    if chunks is not None:
        lines.append("transfer-encoding: chunked")
    elif body:
        lines.append(f"content-length: {len(body)}")
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    if chunks is not None:
        async for chunk in chunks:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    status, headers = await read_head(reader)
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := await _chunk_size(reader):
            body += (await reader.readexactly(size + 2))[:-2]
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Answer(status, headers, body)


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    """Raises EOFError where the answer was cut off."""
    line = await reader.readuntil(b"\r\n")
    return int(line, 16)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return int(first.split(" ")[1]), {k.lower(): v.strip() for k, v in pairs}


async def raw(port: int, data: bytes) -> str:
    """What comes back for exactly these bytes, until the edge closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            return (await reader.read()).decode(errors="replace")
    finally:
        writer.close()


# --- HTTP/2 with prior knowledge --------------------------------------------------------------

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
STATUS_200 = 0x88
"""`:status: 200` is entry 8 of HPACK's static table"""


async def call_h2(port: int, host: str) -> tuple[bool, bytes]:
    """GET / on one HTTP/2 stream: (was the status 200, the body)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    block = b"\x82\x86\x84" + b"\x01" + bytes([len(host)]) + host.encode()  # GET http / :authority
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, b""))
    writer.write(_frame(HEADERS, END_STREAM | END_HEADERS, 1, block))
    good, body = False, b""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            while True:
                kind, flags, stream, payload = await _read_frame(reader)
                if kind == SETTINGS and not flags & ACK:
                    writer.write(_frame(SETTINGS, ACK, 0, b""))
                if stream == 1 and kind == HEADERS:
                    good = STATUS_200 in payload[:4]
                if stream == 1 and kind == DATA:
                    body += payload
                if stream == 1 and flags & END_STREAM:
                    return good, body
    finally:
        writer.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    head = await reader.readexactly(9)
    length = int.from_bytes(head[:3], "big")
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream, await reader.readexactly(length)
