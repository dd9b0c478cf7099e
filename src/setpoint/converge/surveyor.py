"""Looks at everything, and finds who has to be looked at: whoever forgot to ring.

It only reads, and says names. So it may do that in the loop's process or in one of its own.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from setpoint.converge.diary import Page
from setpoint.converge.facts import LOOK, Facts, by_app, digest, look
from setpoint.converge.rests import Rests
from setpoint.converge.slices import in_slices
from setpoint.converge.within import within
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.ids import AppId
from setpoint.model.route import RouteFacts
from setpoint.store.port import Touched


class Found(msgspec.Struct, frozen=True):
    """`restless`: who has to be looked at, in order. `unknown`: what the world holds of apps that
    memory does not have."""

    restless: list[AppId]
    unknown: dict[AppId, Facts]


class Surveys(Protocol):
    async def survey(self, page: Page) -> Found:
        """Raises SetpointError if it could not look; then the page counts as not read."""
        ...


class Reads(Surveys, Protocol):
    """Takes in a page a part at a time: no more of it need be there at once."""

    async def read(self, page: Page) -> None: ...


class Outbox(Protocol):
    """What it wants to know of memory; as in Store."""

    async def touched(self, after: int) -> Touched: ...

    async def unit_ids(self) -> frozenset[AppId]: ...


class Surveyor:
    """Implements Reads. `clock`, `now`, `luck`, `rest_s`: as Rests has them. `timeout_s` bounds the
    look."""

    def __init__(
        self,
        memory: Outbox,
        driver: Driver,
        edge: Edge,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        luck: Callable[[], float],
        rest_s: float,
        timeout_s: float,
    ) -> None:
        self._memory = memory
        self._driver = driver
        self._edge = edge
        self._timeout_s = timeout_s
        self._rests = Rests(clock, now, luck, rest_s)

    async def read(self, page: Page) -> None:
        """It may be told of the same twice."""
        await self._rests.read(page)

    async def survey(self, page: Page) -> Found:
        """First the world and then memory: a new app is known before anything of it is there."""
        await self.read(page)
        named = await self._look()
        touched = await self._memory.touched(self._rests.cursor)
        known = await self._memory.unit_ids()
        restless = await self._rests.ended(known, touched, named)
        return Found(restless, await self._at_work(named - known))

    async def _look(self) -> set[AppId]:
        """Of whom the world holds anything. Of all of them at once no more is kept than that."""
        async with within(self._timeout_s, LOOK):
            seen = by_app(await self._driver.observe())
        named = set[AppId]()
        async with aclosing(self._parts()) as parts:
            async for routes in parts:
                for route in routes:
                    self._rests.see(route.route.app, digest(seen.of(route.route.app, route)))
                named.update(route.route.app for route in routes)
        async for apps in in_slices(tuple(seen.named - named)):
            for app in apps:
                self._rests.see(app, digest(seen.of(app)))
        return named | seen.named

    async def _parts(self) -> AsyncGenerator[Sequence[RouteFacts]]:
        """Each in time, and little enough for one turn."""
        async with aclosing(self._edge.everything()) as parts:
            while True:
                async with within(self._timeout_s, LOOK):
                    routes = await anext(parts, None)
                if routes is None:
                    return
                async for some in in_slices(routes):
                    yield some

    async def _at_work(self, strangers: set[AppId]) -> dict[AppId, Facts]:
        """Looked at for themselves, since nothing of them was kept."""
        if not strangers:
            return {}
        seen = await look(self._driver, self._edge, self._timeout_s, sorted(strangers))
        return seen.at_work()
