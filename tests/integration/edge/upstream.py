"""A small app that behaves by path: what a request met there is told in its answer."""

import asyncio
import base64
import contextlib
import hashlib
import json
from dataclasses import dataclass, field

FRAMES = 3
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body_bytes: int


@dataclass
class Upstream:
    """`name` comes back in each answer. `requests`: all it was sent, in order."""

    name: str = "app"
    requests: list[Seen] = field(default_factory=list[Seen])
    connections: int = 0
    open: int = 0
    in_flight: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(EOFError, OSError):
                while await self._one(reader, writer):
                    pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        seen = await _read(reader)
        self.requests.append(seen)
        self.in_flight += 1
        try:
            return await self._answer(seen, writer)
        finally:
            self.in_flight -= 1

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        verb, _, argument = seen.path.strip("/").partition("=")
        match verb:
            case "die":
                return False
            case "half":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
                await writer.drain()
                return False
            case "ws":
                return await _websocket(seen, writer)
            case "slow":
                await asyncio.sleep(float(argument))
            case "drip":
                await _drip(writer, float(argument))
                return True
            case _:
                pass
        body = json.dumps({"name": self.name, **vars(seen)}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nx-setpoint-error: H99\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {key.lower(): value.strip() for key, value in pairs}
    length = 0
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            length += len(await reader.readexactly(size + 2)) - 2
        await reader.readexactly(2)
    elif "content-length" in headers:
        length = len(await reader.readexactly(int(headers["content-length"])))
    return Seen(method, path, headers, length)


async def _drip(writer: asyncio.StreamWriter, pause_s: float) -> None:
    """Four bytes, with a pause before each."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(4):
        await asyncio.sleep(pause_s)
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def _websocket(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    key = seen.headers["sec-websocket-key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        + f"sec-websocket-accept: {accept}\r\n\r\n".encode()
        + b"\x81\x02hi" * FRAMES
    )
    await writer.drain()
    return False
