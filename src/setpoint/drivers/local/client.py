"""The local driver: the loop's hands on this machine, by messages to the supervisor.

It holds one connection for requests and one per stream; trouble with them is Transient, and the
next call connects anew.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from setpoint.drivers.local.uploads import discard
from setpoint.formats import buildpack, control
from setpoint.formats.control import Act, Done, Event, Failed, LogLine, Reply, Request
from setpoint.model.capability import Capabilities
from setpoint.model.errors import Terminal, Transient
from setpoint.model.figures import Figures
from setpoint.model.ids import AppId, Digest, Fence, JobId, SetKey
from setpoint.model.job import JobOrder
from setpoint.model.observed import Seen
from setpoint.model.process import SetOrder
from setpoint.model.release import BuildRequest
from setpoint.model.retention import Clearance, Cleared, Stock

RECONNECT_S = 0.2

_TROUBLE = (OSError, EOFError, ValueError, msgspec.MsgspecError)

R = TypeVar("R", bound=Reply)


class ControlLink:
    """One connection: one request at a time, one reply each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, request: Request) -> Reply:
        """Raises Transient when the supervisor cannot be reached or does not answer.

        A connection from before may have died with an earlier supervisor: then once more, on a new
        one, which waits in the keeper's queue until the next supervisor serves. Every request may
        be repeated.
        """
        async with self._one_at_a_time:
            if self._streams is not None:
                with contextlib.suppress(*_TROUBLE):
                    return await self._ask(request)
            try:
                return await self._ask(request)
            except _TROUBLE as error:
                raise Transient(f"cannot reach the supervisor: {_fact(error)}") from error

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, request: Request) -> Reply:
        """Whatever goes wrong, a cancellation too: replies would be mistaken for one another."""
        try:
            if self._streams is None:
                self._streams = await connect(self._path)
            reader, writer = self._streams
            writer.write(control.encode(request))
            await writer.drain()
            answer = await read(reader)
            if not isinstance(answer, Reply):
                raise ValueError(f"{type(answer).__name__} is no reply")
        except BaseException:
            await self.close()
            raise
        return answer


class LocalDriver:
    """Implements `drivers.ports.Driver`. `socket`: the supervisor's; `sources`: the uploads."""

    def __init__(self, socket: Path, sources: Path) -> None:
        self._socket = socket
        self._sources = sources
        self._link = ControlLink(socket)
        self._slow_link = ControlLink(socket)
        """for what takes a while and must hold up nothing else"""

    async def close(self) -> None:
        await self._link.close()
        await self._slow_link.close()

    async def probe(self) -> Capabilities:
        return (await self._get(control.Probe(), control.Probed)).capabilities

    async def apply(self, order: SetOrder, environment: Mapping[str, str]) -> None:
        await self._get(control.ApplySet(order, dict(environment)), Done)

    async def remove(self, key: SetKey, fence: Fence) -> None:
        await self._get(control.RemoveSet(key, fence), Done)

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        asked = control.Observe(frozenset(only) if only is not None else None)
        snapshot = await self._get(asked, control.Snapshot)
        return Seen(snapshot.sets, snapshot.builds, snapshot.jobs, snapshot.altered)

    async def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        await self._get(control.ExecJob(order, dict(environment)), Done)

    async def stop_job(self, app: AppId, id: JobId) -> None:
        await self._get(control.EndJob(app, id), Done)

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        archive = self._sources / f"{request.source}.tar.gz"
        digests = buildpack.digests(request.buildpacks)
        packs = {str(digest): str(self._sources / f"{digest}.tar.gz") for digest in digests}
        await self._get(control.RunBuild(request, str(archive), dict(environment), packs), Done)

    async def append(self, app: AppId, lines: Sequence[LogLine]) -> None:
        """Into its log. Raises DriverError."""
        await self._get(control.AppendLog(app, tuple(lines)), Done)

    async def drop(self, app: AppId) -> None:
        await self._get(control.DropApp(app), Done)

    async def stock(self) -> Stock:
        return (await self._get(control.TakeStock(), control.Stocked, self._slow_link)).stock

    async def clear(self, clearance: Clearance) -> Cleared:
        """Uploads are ours, all else is the supervisor's."""
        mine = {Digest(r.name) for r in clearance.removals if r.kind == "source"}
        others = tuple(r for r in clearance.removals if r.kind != "source")
        request = control.ClearAway(replace(clearance, removals=others))
        cleared = (await self._get(request, control.ClearedAway, self._slow_link)).cleared
        gone = await asyncio.to_thread(discard, self._sources, mine, clearance.before_s)
        removed = (r for r in clearance.removals if r.kind == "source" and r.name in gone)
        return replace(cleared, gone=(*cleared.gone, *removed))

    async def figures(self, weigh: Collection[AppId] = ()) -> Figures:
        """`weigh`: also how much memory the instances of these have. Raises DriverError."""
        asked = control.ReadFigures(frozenset(weigh))
        return (await self._get(asked, control.Counted)).figures

    async def acts(self, after: int) -> tuple[Act, ...]:
        return (await self._get(control.ReadActs(after), control.ActLog)).acts

    async def changes(self) -> AsyncIterator[AppId]:
        """Starts with every app there is, again after each reconnection."""
        while True:
            with contextlib.suppress(*_TROUBLE):
                async for event in stream(self._socket, control.Subscribe()):
                    if isinstance(event, control.FactsChanged):
                        yield event.app
            await asyncio.sleep(RECONNECT_S)

    async def _get(self, request: Request, kind: type[R], link: ControlLink | None = None) -> R:
        answer = await (link or self._link).ask(request)
        if isinstance(answer, Failed):
            raise control.raised(answer)
        if not isinstance(answer, kind):
            raise Terminal(f"cannot use the supervisor: it answered {type(answer).__name__}")
        return answer


async def stream(socket: Path, request: Request) -> AsyncGenerator[Reply | Event, None]:
    """Ask once and yield whatever comes until the other end closes. Raises OSError and such."""
    reader, writer = await connect(socket)
    try:
        writer.write(control.encode(request))
        await writer.drain()
        while True:
            yield await read(reader)
    finally:
        writer.close()


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(path), limit=control.LINE_BYTES_MAX)


async def read(reader: asyncio.StreamReader) -> Reply | Event:
    """Raises EOFError at the end, ValueError and msgspec.DecodeError on anything unknown."""
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise EOFError("the connection was closed")
    return control.decode_reply(line)


def _fact(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
