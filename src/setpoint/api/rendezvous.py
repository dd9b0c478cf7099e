"""`heroku run`: its client dials an address of its own over TLS and says the secret in it. From
then on both directions are the bytes of a job's terminal, until one side closes.

The protocol is Heroku's, as its clients speak it; nothing of it is public.
"""

import asyncio
import contextlib
import logging
from typing import NamedTuple

from setpoint.api.permit import Permit
from setpoint.api.services import Services
from setpoint.api.sitting import Ended, sit_down
from setpoint.drivers.ports import Attachment
from setpoint.formats import terminal
from setpoint.formats.terminal import Frame, Kind, Place
from setpoint.model.errors import DriverError, StoreError, Transient
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job

log = logging.getLogger("setpoint.rendezvous")

PURPOSE = "rendezvous"
ID_CHARS, UNTIL_CHARS, DIGEST_CHARS = 36, 10, 64
SIZE_CHARS = 4
SECRET_CHARS = 250
"""Always as long: one client ends it with a line's end, another with nothing."""
SECRET_S_MAX, GOOD_S = 10.0, 300.0
LINE_END = b"\r\n"
GREETING = b"rendezvous\r\n"
GREETING_S, GREETING_NO_TTY_S_MAX = 0.3, 2.0
"""Heroku's client swallows the first piece it is sent, whatever is in it: output must not be. What
it reads is sent on only after that, its end at the latest, so without a terminal one can tell."""
END_OF_INPUT = b"\x04"
"""How the client says it, in the middle of the bytes, where its input is no terminal."""
STATUS_MARK = "\uffff".encode()
"""What the line begins with by which the client learns the exit code. It must come in one piece."""
HELD_BYTES_MAX = 256
CHUNK_BYTES = 16 * 1024


class Asked(NamedTuple):
    """What an address leads to. `rows`, `columns`: of the caller's terminal, 0 if it has none."""

    app: AppId
    job: JobId
    until_s: int
    rows: int
    columns: int
    digest: bytes
    """of the token that asked for it: who may run nothing any more is at no terminal any more"""


def secret(services: Services, job: Job, size: tuple[int, int], digest: bytes) -> str:
    """`size`: rows and columns of the caller's terminal. `digest`: of their token."""
    rows, columns = (min(count, 9999) for count in size)
    until_s = int(services.now() + GOOD_S)
    said = f"{job.app:<{ID_CHARS}}{job.id:<{ID_CHARS}}{until_s:0{UNTIL_CHARS}}"
    content = f"{said}{rows:0{SIZE_CHARS}}{columns:0{SIZE_CHARS}}{digest.hex():<{DIGEST_CHARS}}"
    return services.tickets.issue(PURPOSE, content.encode())


def _read(content: bytes) -> Asked:
    text, pieces = content.decode(), list[str]()
    for chars in (ID_CHARS, ID_CHARS, UNTIL_CHARS, SIZE_CHARS, SIZE_CHARS):
        pieces.append(text[:chars].strip())
        text = text[chars:]
    app, job, *counts = pieces
    until_s, rows, columns = map(int, counts)
    return Asked(AppId(app), JobId(job), until_s, rows, columns, bytes.fromhex(text))


async def visit(
    services: Services, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, from its first byte to its last."""
    try:
        asked = await _asked_for(services, reader)
        job = await _job(services, asked) if asked is not None else None
        if asked is not None and job is not None:
            await _meet(services, asked, job, reader, writer)
    except (DriverError, StoreError, OSError) as error:
        log.info("rendezvous.broke", extra={"error": str(error)})
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _asked_for(services: Services, reader: asyncio.StreamReader) -> Asked | None:
    try:
        async with asyncio.timeout(SECRET_S_MAX):
            said = await reader.readexactly(SECRET_CHARS)
    except (TimeoutError, EOFError):
        return None
    content = services.tickets.read(PURPOSE, said.decode("latin-1"))
    asked = _read(content) if content is not None else None
    return asked if asked is not None and asked.until_s >= services.now() else None


async def _job(services: Services, asked: Asked) -> Job | None:
    rows = await services.store.jobs(asked.app)
    return next((job for job in rows if job.id == asked.job and job.attached), None)


async def _meet(
    services: Services,
    asked: Asked,
    job: Job,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    permit = Permit(services, asked.digest, "deploy", job.app)
    if not await permit.lasts():
        return
    writer.write(GREETING)
    await writer.drain()
    first = await _first(reader, GREETING_S if job.tty else GREETING_NO_TTY_S_MAX)
    line = await sit_down(services, job, Place())
    if isinstance(line, Ended):
        writer.write(line.message.encode(errors="replace") + LINE_END)
        return
    try:
        if job.tty:
            await line.send(terminal.resize(asked.rows, asked.columns))
        await _Sitting(line, reader, writer, first, tty=job.tty).until_it_ends(permit)
    finally:
        await line.close()


async def _first(reader: asyncio.StreamReader, wait_s: float) -> bytes:
    """The first of its input, by which one knows that it has read; nothing if that takes longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while not reader.at_eof():
                data = (await reader.read(CHUNK_BYTES)).removeprefix(LINE_END)
                if data:
                    return data
    return b""


class _Sitting:
    """One client at one terminal."""

    def __init__(
        self,
        line: Attachment,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        first: bytes,
        *,
        tty: bool,
    ) -> None:
        self._line = line
        self._reader = reader
        self._writer = writer
        self._first = first
        self._tty = tty
        self._typed = self._typed_taken = line.input_taken
        self._room = asyncio.Event()
        self._sending = asyncio.Lock()

    async def until_it_ends(self, permit: Permit) -> None:
        every = (self._out(), self._in(), self._until_it_is_over(permit))
        ways = [asyncio.ensure_future(way) for way in every]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, DriverError):
                    await way

    async def _until_it_is_over(self, permit: Permit) -> None:
        await permit.ended()
        await self._send(Frame(Kind.HANG_UP))

    async def _out(self) -> None:
        at, held = self._line.at, b""
        while True:
            frame = await self._line.receive()
            match frame.kind:
                case Kind.OUTPUT:
                    at += len(frame.payload)
                    held = await self._write(held + frame.payload)
                    await self._send(terminal.taken(at))
                case Kind.TAKEN:
                    self._typed_taken = terminal.count(frame.payload)
                    self._room.set()
                case Kind.END:
                    self._writer.write(held)
                    await self._writer.drain()
                    return
                case _:
                    raise Transient("cannot go on: the supervisor said what only a client says")

    async def _write(self, output: bytes) -> bytes:
        """What is held back: the line with the exit code, as long as it is not whole."""
        at = output.rfind(STATUS_MARK)
        whole = at < 0 or b"\n" in output[at:] or len(output) - at > HELD_BYTES_MAX
        for piece in (output[:at], output[at:] if whole else b"") if at >= 0 else (output,):
            self._writer.write(piece)
            await self._writer.drain()
        return b"" if whole else output[at:]

    async def _in(self) -> None:
        """Until the client goes; after the end of its input only that is waited for."""
        ended, data = False, self._first
        while data := data or await self._reader.read(CHUNK_BYTES):
            sent, data = data, b""
            if ended:
                continue
            if not self._tty:
                sent, mark, _ = sent.partition(END_OF_INPUT)
                ended = bool(mark)
            await self._type(sent)
            if ended:
                await self._send(Frame(Kind.INPUT_END))
        await self._send(Frame(Kind.HANG_UP))

    async def _type(self, data: bytes) -> None:
        """No more than a window ahead of what the job takes."""
        while self._typed - self._typed_taken > terminal.INPUT_WINDOW_BYTES - CHUNK_BYTES:
            self._room.clear()
            await self._room.wait()
        if data:
            self._typed += len(data)
            await self._send(Frame(Kind.INPUT, data))

    async def _send(self, frame: Frame) -> None:
        """A job that has ended takes no more; what it said before is still to be read."""
        async with self._sending:
            with contextlib.suppress(Transient):
                await self._line.send(frame)
