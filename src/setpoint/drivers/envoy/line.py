"""A caller's end of a control socket, where any trouble is one kind of trouble."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import msgspec

from setpoint.drivers.local.client import connect, read
from setpoint.formats import control
from setpoint.formats.control import Event, Reply, Request


class Broken(Exception):
    """The other side is not there, went away, or speaks another language."""


class Line:
    """After Broken it is of no further use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def to(cls, path: Path) -> AsyncGenerator[Self]:
        try:
            reader, writer = await connect(path)
        except OSError as error:
            raise Broken(error.strerror or str(error)) from None
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, message: Request) -> Reply | Event:
        await self.say(message)
        return await self.hear()

    async def say(self, message: Request) -> None:
        try:
            self._writer.write(control.encode(message))
            await self._writer.drain()
        except OSError as error:
            raise Broken(error.strerror or str(error)) from None

    async def hear(self) -> Reply | Event:
        try:
            return await read(self._reader)
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
            raise Broken(str(error)) from None
