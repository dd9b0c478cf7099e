"""Streams from the supervisor to a door: an app's log, and a build's output. Outside the loop."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from setpoint.drivers.local.client import stream
from setpoint.formats.control import LogLine, Logs, Observe, ReadLogs, Snapshot
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, BuildId
from setpoint.model.log import EVERYTHING, LogFilter

LOOK_S = 0.1
"""between two looks at a build's growing output"""
QUIET_S = 2.0
"""without output: then the supervisor is asked whether there is a build at all"""
CHUNK_BYTES = 64 * 1024


class LocalTails:
    """Implements `drivers.ports.Tails`."""

    def __init__(self, socket: Path, builds: Path) -> None:
        self._socket = socket
        self._builds = builds

    async def logs(
        self, app: AppId, lines: int, follow: bool, only: LogFilter = EVERYTHING
    ) -> AsyncGenerator[LogLine, None]:
        """Raises Transient when the supervisor goes away meanwhile."""
        try:
            asked = ReadLogs(app, lines, follow, only)
            async with contextlib.aclosing(stream(self._socket, asked)) as answers:
                async for message in answers:
                    if isinstance(message, Logs):
                        for line in message.lines:
                            yield line
                        if not follow:
                            return
                    elif isinstance(message, LogLine):
                        yield message
        except (OSError, EOFError) as error:
            raise Transient(f"cannot follow the log: {error}") from error

    async def build_output(self, build: BuildId, follow: bool) -> AsyncGenerator[bytes, None]:
        """The end: the result is written, and everything before it was read.

        A full disk takes no result, and an old one may be gone: then the supervisor's word counts.
        """
        output, result = (self._builds / f"{build}{end}" for end in (".log", ".json"))
        at, quiet_s = 0, 0.0
        while True:
            ended = not follow or result.exists()
            if not ended and quiet_s >= QUIET_S:
                quiet_s, ended = 0.0, not await self._under_way(build)
            while chunk := _read(output, at):
                at, quiet_s = at + len(chunk), 0.0
                yield chunk
            if ended:
                return
            await asyncio.sleep(LOOK_S)
            quiet_s += LOOK_S

    async def _under_way(self, build: BuildId) -> bool:
        """Also while nobody can say."""
        with contextlib.suppress(OSError, EOFError):
            async with contextlib.aclosing(stream(self._socket, Observe())) as answers:
                async for seen in answers:
                    builds = seen.builds if isinstance(seen, Snapshot) else ()
                    return any(b.id == build and b.ended_at_s is None for b in builds)
        return True


def _read(path: Path, at: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(CHUNK_BYTES)
    except FileNotFoundError:
        return b""
