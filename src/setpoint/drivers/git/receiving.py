"""One push on its way in: `git receive-pack`, which asks before any ref moves.

git itself speaks the protocol, unpacks into quarantine and checks what came. Its hook then waits at
the other end of three pipes: it says what is to move, passes on what it is told, and ends with the
verdict. If whoever holds our ends dies, so does the push, and nothing has moved.
"""

import asyncio
import contextlib
import os
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, cast

from setpoint.drivers.git.repositories import Repositories, end
from setpoint.formats import git
from setpoint.formats.git import HookSaid
from setpoint.model.errors import OverLimit, Terminal, Transient
from setpoint.model.push import PACK_BYTES_MAX

SAID_BYTES_MAX = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
LOOK_S = 0.05
"""between two tries to write to a pipe that is full: whoever pushes reads slowly"""
QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


class Receiving:
    """Made by `receive`. Whatever happens, `close` it."""

    def __init__(
        self, process: asyncio.subprocess.Process, ask: BinaryIO, tell: int, verdict: int
    ) -> None:
        self._process = process
        self._ask = ask
        self._tell = tell
        self._verdict = verdict
        self._open = True
        self._heard = False

    async def feed(self, chunks: AsyncIterator[bytes]) -> None:
        """All that the client sends, to its end. Raises OverLimit."""
        assert self._process.stdin is not None
        size, to = 0, self._process.stdin
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it will say why itself
            async for chunk in chunks:
                size += len(chunk)
                if size > PACK_BYTES_MAX:
                    limit = PACK_BYTES_MAX // (1024 * 1024)
                    raise OverLimit(f"cannot take the push: it is larger than {limit} MiB")
                to.write(chunk)
                await to.drain()
            to.write_eof()

    async def output(self) -> AsyncIterator[bytes]:
        """For the client, as git has it, until git ends."""
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(CHUNK_BYTES):
            yield chunk

    async def asked(self) -> HookSaid | None:
        """What is to move, once all is received and was checked. None where git refused before."""
        self._heard = True
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, self._ask)
        try:
            said = bytearray()
            while (found := git.hook_said(bytes(said))) is None:
                chunk = await reader.read(CHUNK_BYTES)
                said += chunk
                if not chunk or len(said) > SAID_BYTES_MAX:
                    return None
            return found
        finally:
            transport.close()

    async def tell(self, line: str) -> None:
        """Shown at once to whoever pushes. Raises Transient when they are gone."""
        await self._write(self._tell, f"{line}\n".encode(errors="replace"))

    async def answer(self, *, yes: bool) -> None:
        """The end of the conversation: git moves the refs, or says that it did not."""
        await self._write(self._verdict, b"yes\n" if yes else b"no\n")
        self._close_pipes()

    async def _write(self, fd: int, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(LOOK_S)
            except OSError as error:
                raise Transient(f"cannot tell the client: {error.strerror}") from None

    def close(self) -> None:
        self._close_pipes()
        if not self._heard:
            self._ask.close()
        end(self._process)

    def _close_pipes(self) -> None:
        if self._open:
            self._open = False
            os.close(self._tell)
            os.close(self._verdict)


async def receive(repositories: Repositories, repository: Path, protocol: str) -> Receiving:
    """`protocol`: of git's, as the client's header names it. Raises Terminal."""
    asks, tells, verdicts = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    theirs = (asks[1], tells[0], verdicts[0])
    names = zip(("SETPOINT_ASK", "SETPOINT_TELL", "SETPOINT_VERDICT"), theirs, strict=True)
    environment = {name: str(fd) for name, fd in names} | spoken(protocol)
    for fd in (tells[1], verdicts[1]):
        os.set_blocking(fd, False)
    ask = os.fdopen(asks[0], "rb", 0)
    try:
        process = await repositories.start(
            ("receive-pack", "--stateless-rpc", str(repository)),
            None,
            environment,
            theirs,
            asyncio.subprocess.PIPE,
        )
    except BaseException:
        ask.close()
        os.close(tells[1])
        os.close(verdicts[1])
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return Receiving(process, cast(BinaryIO, ask), tells[1], verdicts[1])


def spoken(protocol: str) -> dict[str, str]:
    """The environment by which git learns its protocol's version, if it is one of git's."""
    known = protocol in ("version=0", "version=1", "version=2")
    return {"GIT_PROTOCOL": protocol} if known else {}


def quarantined(said: HookSaid) -> dict[str, str]:
    """The environment in which git sees what was received and is in no ref yet."""
    return {name: said.environment[name] for name in QUARANTINE if name in said.environment}


async def inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body that was sent with gzip, piece by piece: a bomb is counted as what it becomes."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        async for chunk in chunks:
            while chunk:
                yield inflater.decompress(chunk, CHUNK_BYTES)
                chunk = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error:
        raise Terminal("cannot read the request body: it is no gzip") from None
