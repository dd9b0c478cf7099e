"""What happens, as it happens: one look at the store for however many watch.

A watcher that keeps up is served from the newest events in memory; one that is behind reads the
store at its own pace. So nothing is dropped, and a reader who never reads costs nobody memory.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager

import msgspec

from setpoint.formats import cursor
from setpoint.formats.cursor import Cursor
from setpoint.model.errors import Refused, StoreError
from setpoint.store.bell import Bell
from setpoint.store.port import Event, Store
from setpoint.views.sight import Sight

log = logging.getLogger("setpoint.feed")

KEPT = 2_000
"""newest events in memory; a few hundred bytes each"""
READ_AT_ONCE = 100
BOOKMARK_S = 5.0
"""A quiet feed still says how far it is, and finds out that its reader has gone."""
CANARY = "watch.canary"
CANARY_S = 15.0
"""While somebody watches, an event of our own is written so often, and awaited as they await
theirs."""
STALE_S = 10.0
TRY_AGAIN_S = 0.5


class Lost(Refused):
    """Events after that cursor are kept no longer, or are another history's: look at what is."""


class Bookmark(msgspec.Struct, frozen=True):
    """Nothing happened, up to `place`. `at_s`: unix seconds. `behind_s`: the feed's own delay."""

    place: int
    at_s: float
    behind_s: float


class Health(msgspec.Struct, frozen=True):
    """`staleness_s`: how long the last event of our own took to get here, or has not come for;
    None where nobody watched yet."""

    watchers: int
    staleness_s: float | None


class Feed:
    """`now`: unix seconds. `run` it beside the doors."""

    def __init__(self, store: Store, now: Callable[[], float], log: logging.Logger = log) -> None:
        self._store = store
        self._now = now
        self._log = log
        self._bell = Bell()
        self._kept: list[Event] = []
        self._after, self._newest = 2**63, 0
        self._watchers = 0
        self._watched = asyncio.Event()
        self._sung_s: float | None = None
        self._took_s: float | None = None

    # --- for the doors ------------------------------------------------------------------------

    async def here(self) -> str:
        """The cursor of now. Whoever takes it before reading a list misses nothing afterwards."""
        _, newest = await self._store.event_bounds()
        return self.cursor(newest)

    def cursor(self, place: int) -> str:
        return cursor.encode(Cursor(self._store.incarnation, place))

    async def place(self, text: str) -> int:
        """Where to go on. Raises ValueError for what is no cursor, Lost."""
        wanted = cursor.decode(text)
        floor, newest = await self._store.event_bounds()
        if wanted.incarnation != self._store.incarnation or wanted.place > newest:
            raise _lost("it is of another history than this store's")
        if wanted.place < floor:
            raise _lost("what happened next is kept no longer")
        return wanted.place

    async def watch(
        self, place: int, unit: str | None = None, sight: Sight | None = None
    ) -> AsyncGenerator[Event | Bookmark, None]:
        """Every event after `place` (of one app alone) that is in sight, without end, once and in
        order; a bookmark first, and then whenever nothing else was told for a while. Raises Lost,
        StoreError."""
        with self._counted():
            told_s = float("-inf")
            while True:
                if _ticks() - told_s >= BOOKMARK_S:
                    told_s = _ticks()
                    yield Bookmark(place, self._now(), self._staleness_s() or 0.0)
                events = await self._next(place)
                for event in events:
                    place = event.cursor
                    told = event.type != CANARY and unit in (None, event.unit)
                    if told and (sight is None or await sight.of(event)):
                        told_s = _ticks()
                        yield event
                if not events:
                    rung = self._bell.next()
                    if place >= self._newest:
                        await _either(rung, told_s + BOOKMARK_S)

    @property
    def health(self) -> Health:
        return Health(self._watchers, self._staleness_s())

    # --- reading the store --------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        await self._begin()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tail_for_ever())
            group.create_task(self._sing_for_ever())

    async def _begin(self) -> None:
        """Whoever watches already reads the store until then."""
        while True:
            try:
                self._after = self._newest = (await self._store.event_bounds())[1]
                return self._bell.ring()
            except StoreError as error:
                self._log.warning("feed.interrupted", extra={"error": error.message})
                await asyncio.sleep(TRY_AGAIN_S)

    async def _tail_for_ever(self) -> None:
        while True:
            try:
                await self._store.news(self._newest)
                self._take(await self._store.events(self._newest))
            except StoreError as error:
                self._log.warning("feed.interrupted", extra={"error": error.message})
                await asyncio.sleep(TRY_AGAIN_S)

    def _take(self, events: tuple[Event, ...]) -> None:
        if not events:
            return
        self._kept += events
        self._newest = events[-1].cursor
        if len(self._kept) > 2 * KEPT:
            del self._kept[:-KEPT]
            self._after = self._kept[0].cursor - 1
        if self._sung_s is not None and any(e.type == CANARY for e in events):
            self._took_s, self._sung_s = _ticks() - self._sung_s, None
        self._bell.ring()

    async def _next(self, place: int) -> tuple[Event, ...]:
        """Raises Lost where some of what follows is kept no longer."""
        if place >= self._after:
            first = bisect_right(self._kept, place, key=lambda event: event.cursor)
            return tuple(self._kept[first : first + READ_AT_ONCE])
        events = await self._store.events(place, READ_AT_ONCE)
        # Looked at afterwards: the floor is raised before anything is deleted.
        if (await self._store.event_bounds())[0] > place:
            raise _lost("what happened next is kept no longer")
        return events

    # --- the canary ---------------------------------------------------------------------------

    async def _sing_for_ever(self) -> None:
        while True:
            await self._watched.wait()
            if self._sung_s is None:
                await self._sing()
            elif (stale_s := self._staleness_s() or 0.0) > STALE_S:
                self._log.error("feed.stale", extra={"staleness_s": round(stale_s, 1)})
            await asyncio.sleep(CANARY_S)

    async def _sing(self) -> None:
        self._sung_s = _ticks()
        try:
            await self._store.tell(CANARY)
        except StoreError as error:  # it was not written: nobody can be late with it
            self._sung_s = None
            self._log.warning("canary.silent", extra={"error": error.message})

    def _staleness_s(self) -> float | None:
        if self._sung_s is not None:
            return max(_ticks() - self._sung_s, self._took_s or 0.0)
        return self._took_s

    @contextmanager
    def _counted(self) -> Generator[None]:
        self._watchers += 1
        self._watched.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()


async def _either(rung: asyncio.Future[None], until_s: float) -> None:
    try:
        async with asyncio.timeout_at(until_s):
            await rung
    except TimeoutError:
        return


def _lost(fact: str) -> Lost:
    return Lost(
        f"cannot watch from that cursor on: {fact}",
        "look at what is now: GET /v1/status has a cursor to go on from",
    )


def _ticks() -> float:
    return asyncio.get_running_loop().time()
