"""The survey in a process of its own, so that the loop does not wait for it: a fork of the daemon.

It looks at everything, with a door of its own to memory and to the world, and says who has to be
looked at. A fork, since the daemon may not read its own program any more once it has a user of its
own, and since most of its memory is the daemon's. It can be made only before there is a thread.
Frames: four bytes that say how long, big end first, then MessagePack.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from setpoint.converge.diary import Page
from setpoint.converge.loop import Settings
from setpoint.converge.slices import in_slices
from setpoint.converge.surveyor import Found, Reads, Surveyor, Surveys
from setpoint.drivers import clock
from setpoint.drivers.builders import watched
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.model.errors import SetpointError, Transient
from setpoint.store.sqlite.outbox import SqliteOutbox

NICENESS = 5
"""Who asked for something comes first."""
ANSWER_S_MAX = 60.0
FRAME_BYTES_MAX = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")
T = TypeVar("T")

log = logging.getLogger("setpoint.surveyor")


class Question(msgspec.Struct, array_like=True):
    """A part of a page; the last of them asks for a survey."""

    page: Page
    last: bool


class Answer(msgspec.Struct, array_like=True):
    """`failed`: why nothing was found; the page counts as not read."""

    found: Found | None = None
    failed: str = ""


@dataclass(frozen=True)
class Forked:
    pid: int
    line: socket.socket


def fork(make: Callable[[], Reads]) -> Forked:
    """`make` is called by the first question. Call it before the first thread."""
    ours, theirs = socket.socketpair()
    ending = watched.Ending(os.getpid())
    if pid := os.fork():
        theirs.close()
        return Forked(pid, ours)
    try:
        ending()  # one that is stopped would not see that nobody asks any more
        _live(theirs, make)
    except BaseException:
        log.exception("surveyor.broke")
        os._exit(os.EX_SOFTWARE)
    os._exit(0)


def surveyor_of(paths: Paths) -> Surveyor:
    """With doors of its own. The database is there by the first question."""
    settings = Settings()
    return Surveyor(
        SqliteOutbox(paths.database),
        LocalDriver(paths.supervisor_socket, paths.sources),
        EdgeClient(paths.edge_socket),
        clock=asyncio.get_running_loop().time,
        now=clock.now,
        luck=clock.luck,
        rest_s=settings.rest_s,
        timeout_s=settings.look_timeout_s,
    )


# --- the daemon's side ----------------------------------------------------------------------------


class Apart:
    """Implements Surveys. Once the fork is gone, `here` makes one in this process, which has yet to
    hear that anybody is at rest."""

    def __init__(self, forked: Forked, here: Callable[[], Surveys]) -> None:
        self._forked = forked
        self._make = here
        self._here: Surveys | None = None
        self._ended = False
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def survey(self, page: Page) -> Found:
        if not self._ended:
            try:
                return await self._asked(page)
            except (OSError, EOFError, msgspec.MsgspecError) as error:
                log.error("surveyor.gone", extra={"pid": self._forked.pid, "error": str(error)})
                await self.close()
        if self._here is None:
            self._here, page = self._make(), Page()
        return await self._here.survey(page)

    async def close(self) -> None:
        """It has nothing to put in order."""
        if self._ended:
            return
        self._ended = True
        if self._streams is None:
            self._forked.line.close()
        else:
            self._streams[1].transport.abort()  # a page may be stuck on its way
        os.kill(self._forked.pid, signal.SIGKILL)  # nobody else waits for it: the pid is its own
        await asyncio.to_thread(os.waitpid, self._forked.pid, 0)

    async def _asked(self, page: Page) -> Found:
        if self._streams is None:
            self._streams = await asyncio.open_connection(sock=self._forked.line)
        reader, writer = self._streams
        async with asyncio.timeout(ANSWER_S_MAX):
            await _send(writer, Question(Page(page.all_ended), last=False))
            async for some in in_slices(tuple(page.rests.items())):
                await _send(writer, Question(Page(rests=dict(some)), last=False))
            await _send(writer, Question(Page(), last=True))
            answer = await _hear(reader, Answer)
        if answer.found is None:
            raise Transient(answer.failed)
        return answer.found


async def _send(writer: asyncio.StreamWriter, message: Question | Answer) -> None:
    data = msgspec.msgpack.encode(message)
    writer.write(_LENGTH.pack(len(data)) + data)
    await writer.drain()


async def _hear(reader: asyncio.StreamReader, kind: type[T]) -> T:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > FRAME_BYTES_MAX:
        raise EOFError(f"a frame of {length} bytes")
    return msgspec.msgpack.decode(await reader.readexactly(length), type=kind)


# --- the fork's side ------------------------------------------------------------------------------


def _live(line: socket.socket, make: Callable[[], Reads]) -> None:
    """Until the daemon is gone, whose descriptors it must not keep open."""
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    os.closerange(3, line.fileno())
    os.closerange(line.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    asyncio.run(_serve(line, make))


async def _serve(line: socket.socket, make: Callable[[], Reads]) -> None:
    reader, writer = await asyncio.open_connection(sock=line)
    surveyor: Reads | None = None
    try:
        while True:
            part = await _hear(reader, Question)
            surveyor = surveyor or make()
            if part.last:
                await _send(writer, await _answer(surveyor, part.page))
            else:
                await surveyor.read(part.page)
    except (OSError, EOFError):
        return


async def _answer(surveyor: Reads, rest: Page) -> Answer:
    try:
        return Answer(await surveyor.survey(rest))
    except SetpointError as error:
        return Answer(failed=str(error))
