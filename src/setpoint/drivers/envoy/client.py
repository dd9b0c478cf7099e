"""The daemon's hands on the edge: `drivers.ports.Edge` over the agent's control socket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Generator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path

from setpoint.drivers.envoy.line import Broken, Line
from setpoint.formats.control import (
    Answered,
    Done,
    DropRoute,
    Event,
    Failed,
    ObserveRoutes,
    ReadAnswered,
    Reply,
    Request,
    RouteChanged,
    Routes,
    SetRoute,
    SubscribeRoutes,
    raised,
)
from setpoint.model.app import SecretRef
from setpoint.model.errors import Terminal, Transient
from setpoint.model.figures import EdgeFigures
from setpoint.model.ids import AppId, Fence
from setpoint.model.route import Route, RouteFacts

REPLY_S_MAX = 10.0
RECONNECT_S = 0.2
PART = 1000
"""Routes an answer, where all are asked for: a quarter of a MiB, which the edge writes in some
milliseconds."""


class EdgeClient:
    """Connects for each call: calls are few, and a restarted agent is then nothing special."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def ensure_route(
        self,
        route: Route,
        invoke_key_ref: SecretRef | None,
        invoke_key: str,
        certificates: Mapping[str, str] = {},
    ) -> None:
        await self._done(SetRoute(route, invoke_key_ref, invoke_key, dict(certificates)))

    async def remove_route(self, app: AppId, fence: Fence) -> None:
        await self._done(DropRoute(app, fence))

    async def observe(self, only: Collection[AppId]) -> tuple[RouteFacts, ...]:
        answer = await self._ask(ObserveRoutes(frozenset(only)))
        if not isinstance(answer, Routes):
            raise _strange(answer)
        return answer.routes

    async def everything(self) -> AsyncGenerator[tuple[RouteFacts, ...]]:
        more = True
        with _reached():
            async with Line.to(self._socket) as line:
                await line.say(ObserveRoutes(part=PART))
                while more:
                    async with asyncio.timeout(REPLY_S_MAX):
                        answer = _checked(await line.hear())
                    if not isinstance(answer, Routes):
                        raise _strange(answer)
                    yield answer.routes
                    more = answer.more

    async def answered(self, only: Collection[AppId] | None = None) -> EdgeFigures:
        """What it answered by now. Raises DriverError."""
        asked = ReadAnswered(frozenset(only) if only is not None else None)
        answer = await self._ask(asked)
        if not isinstance(answer, Answered):
            raise _strange(answer)
        return answer.figures

    async def changes(self) -> AsyncIterator[AppId]:
        """Starts with every app that has a route, again after each reconnection."""
        while True:
            try:
                async with Line.to(self._socket) as line:
                    await line.say(SubscribeRoutes())
                    async with aclosing(self.everything()) as parts:
                        async for routes in parts:
                            for facts in routes:
                                yield facts.route.app
                    while isinstance(event := await line.hear(), RouteChanged):
                        yield event.app
            except (Broken, Transient):
                pass
            await asyncio.sleep(RECONNECT_S)

    async def _done(self, request: Request) -> None:
        answer = await self._ask(request)
        if not isinstance(answer, Done):
            raise _strange(answer)

    async def _ask(self, request: Request) -> Reply:
        """Raises Transient where trying again may help, else Terminal."""
        with _reached():
            async with asyncio.timeout(REPLY_S_MAX), Line.to(self._socket) as line:
                return _checked(await line.ask(request))


def _checked(answer: Reply | Event) -> Reply:
    if isinstance(answer, Failed):
        raise raised(answer)
    if not isinstance(answer, Reply):
        raise _strange(answer)
    return answer


@contextmanager
def _reached() -> Generator[None]:
    """What keeps an answer away may be over the next time."""
    try:
        yield
    except TimeoutError:
        raise Transient(f"cannot reach the edge: no answer in {REPLY_S_MAX:g} s") from None
    except Broken as error:
        raise Transient(f"cannot reach the edge: {error}") from None


def _strange(answer: object) -> Terminal:
    return Terminal(f"cannot use the edge: it answered {type(answer).__name__}")
