"""The edge agent's door: routes from the daemon, and word of them back to it."""

import asyncio
import socket
from collections.abc import Callable

import msgspec

from setpoint.drivers.envoy.agent import Agent
from setpoint.drivers.local.control import peer_uid, send, until_closed
from setpoint.formats import control
from setpoint.formats.control import (
    Answered,
    Done,
    DropRoute,
    Failed,
    ObserveRoutes,
    ReadAnswered,
    Reply,
    Request,
    RouteChanged,
    Routes,
    SetRoute,
    SubscribeRoutes,
)
from setpoint.model.errors import DriverError


class ControlServer:
    """`uids`: who may call."""

    def __init__(self, agent: Agent, uids: frozenset[int]) -> None:
        self._agent = agent
        self._uids = uids

    async def start(self, listener: socket.socket) -> asyncio.Server:
        limit = control.LINE_BYTES_MAX
        return await asyncio.start_unix_server(self._serve, sock=listener, limit=limit)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_uid(writer) in self._uids:
                await self._converse(reader, writer)
        except (OSError, ValueError):
            pass  # the caller went away, or sent a line beyond every bound
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                request = control.decode_request(line)
            except msgspec.MsgspecError:
                await send(writer, Failed("terminal", "cannot read the request: not one we know"))
                continue
            if isinstance(request, SubscribeRoutes):
                await self._stream(reader, writer)
                return
            if isinstance(request, ObserveRoutes):
                await self._tell_routes(writer, request)
            else:
                await send(writer, self._answer(request))

    async def _tell_routes(self, writer: asyncio.StreamWriter, request: ObserveRoutes) -> None:
        """Whoever waits for something else has a turn after each part."""
        news = self._agent.news
        apps = tuple(request.apps) if request.apps is not None else news.apps
        size = max(1, request.part or len(apps))
        for start in range(0, max(1, len(apps)), size):
            more = start + size < len(apps)
            await send(writer, Routes(news.facts(apps[start : start + size]), more))

    def _answer(self, request: Request) -> Reply:
        match request:
            case SetRoute():
                return _try(lambda: self._agent.set_route(request))
            case DropRoute():
                return _try(lambda: self._agent.drop_route(request))
            case ReadAnswered(apps):
                return Answered(self._agent.counts.figures(apps))
            case _:
                name = type(request).__name__
                return Failed("terminal", f"cannot serve {name}: this is the edge agent")

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subscription = self._agent.news.subscribe()

        async def forward() -> None:
            while True:
                await send(writer, *(RouteChanged(app) for app in await subscription.next()))

        try:
            await until_closed(reader, forward())
        finally:
            self._agent.news.unsubscribe(subscription)


def _try(change: Callable[[], None]) -> Reply:
    try:
        change()
    except DriverError as error:
        return control.failed(error)
    except OSError as error:
        return Failed("transient", f"cannot remember the route: {error.strerror}")
    return Done()
