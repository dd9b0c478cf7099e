"""At a job's terminal, from the daemon: a connection to the supervisor that carries frames."""

import asyncio
from pathlib import Path

from setpoint.drivers.local.client import connect, read
from setpoint.formats import control, terminal
from setpoint.formats.terminal import Frame, Place
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, JobId


class LocalAttachment:
    """Implements `drivers.ports.Attachment`."""

    def __init__(
        self,
        at: int,
        input_taken: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.at = at
        self.input_taken = input_taken
        self._reader = reader
        self._writer = writer

    async def receive(self) -> Frame:
        try:
            kind, length = terminal.head(await self._reader.readexactly(terminal.HEAD_BYTES))
            return Frame(kind, await self._reader.readexactly(length))
        except (OSError, EOFError, ValueError) as error:
            raise Transient("cannot go on: the supervisor went away") from error

    async def send(self, frame: Frame) -> None:
        try:
            self._writer.write(terminal.encode(frame))
            await self._writer.drain()
        except OSError as error:
            raise Transient("cannot go on: the supervisor went away") from error

    async def close(self) -> None:
        self._writer.close()


class LocalTerminals:
    """Implements `drivers.ports.Terminals`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def attach(self, app: AppId, job: JobId, place: Place) -> LocalAttachment:
        try:
            reader, writer = await connect(self._socket)
        except OSError as error:
            raise Transient(f"cannot reach the supervisor: {error.strerror}") from error
        try:
            writer.write(control.encode(control.AttachJob(app, job, place.taken, place.typed)))
            await writer.drain()
            answer = await read(reader)
            if isinstance(answer, control.Failed):
                raise control.raised(answer)
            if not isinstance(answer, control.Attached):
                raise Transient(f"cannot attach: the supervisor said {type(answer).__name__}")
        except (OSError, EOFError, ValueError) as error:
            writer.close()
            raise Transient("cannot attach: the supervisor went away") from error
        except BaseException:
            writer.close()
            raise
        return LocalAttachment(answer.at, answer.input_taken, reader, writer)
