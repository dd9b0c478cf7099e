"""The edge agent's door: routes from the daemon, and word of them back to it."""

import asyncio
import socket
from collections.abc import Callable

import msgspec

from setpoint.drivers.envoy.agent import Agent
from setpoint.drivers.envoy.table import Stale
from setpoint.drivers.local.control import peer_uid
from setpoint.formats import control
from setpoint.formats.control import (
    Done,
    DropRoute,
    Event,
    Failed,
    ObserveRoutes,
    Reply,
    Request,
    RouteChanged,
    Routes,
    SetRoute,
    SubscribeRoutes,
)
from setpoint.model.errors import Terminal, Transient


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
                await _send(writer, Failed("terminal", "cannot read the request: not one we know"))
                continue
            if isinstance(request, SubscribeRoutes):
                await self._stream(reader, writer)
                return
            await _send(writer, self._answer(request))

    def _answer(self, request: Request) -> Reply:
        match request:
            case SetRoute():
                return _try(lambda: self._agent.set_route(request))
            case DropRoute():
                return _try(lambda: self._agent.drop_route(request))
            case ObserveRoutes():
                return Routes(self._agent.news.facts())
            case _:
                name = type(request).__name__
                return Failed("terminal", f"cannot serve {name}: this is the edge agent")

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the caller closes, or says anything more: a stream has no second request."""
        subscription = self._agent.news.subscribe()
        closed = asyncio.ensure_future(reader.read(1))
        try:
            while not closed.done():
                news = asyncio.ensure_future(subscription.next())
                await asyncio.wait((news, closed), return_when=asyncio.FIRST_COMPLETED)
                if not news.done():
                    news.cancel()
                    break
                await _send(writer, *(RouteChanged(app) for app in news.result()))
        finally:
            closed.cancel()
            self._agent.news.unsubscribe(subscription)


def _try(change: Callable[[], None]) -> Reply:
    try:
        change()
    except Stale as error:
        return Failed("stale", str(error))
    except Terminal as error:
        return Failed("terminal", str(error))
    except Transient as error:
        return Failed("transient", str(error))
    except OSError as error:
        return Failed("transient", f"cannot remember the route: {error.strerror}")
    return Done()


async def _send(writer: asyncio.StreamWriter, *messages: Reply | Event) -> None:
    writer.writelines(control.encode(message) for message in messages)
    await writer.drain()
