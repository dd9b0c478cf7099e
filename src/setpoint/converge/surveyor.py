"""Looks at everything, and finds who has to be looked at: whoever forgot to ring.

It only reads, and says names. So it may do that in the loop's process or in one of its own.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from setpoint.converge.diary import Page
from setpoint.converge.facts import Facts, look
from setpoint.converge.rests import Rests
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.ids import AppId
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
        seen = await look(self._driver, self._edge, self._timeout_s)
        touched = await self._memory.touched(self._rests.cursor)
        known = await self._memory.unit_ids()
        restless = await self._rests.ended(known, touched, seen)
        return Found(restless, seen.beyond(known))
