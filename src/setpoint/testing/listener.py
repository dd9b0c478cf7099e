"""Somebody outside who watches what happens, through every death of the daemon.

They hold nothing but their cursor. What they are told is held against what the store has written:
all of it, in order, once; where it is kept no longer they are told so, and begin with a list.
"""

import asyncio
import contextlib
import random

from setpoint.model.errors import StoreError
from setpoint.store.port import Event
from setpoint.testing.faults import Crash, Life
from setpoint.testing.world import World
from setpoint.views.feed import BOOKMARK_S, CANARY, Bookmark, Feed, Lost

AWAY_S_MAX = 120.0
"""Longer than events are kept here."""
AWAY, PAUSE_S = 0.1, 1.0
LATE_S_MAX = 2 * BOOKMARK_S
"""Who has heard nothing for so long takes the line for dead."""


class Listener:
    """`lists`: how often they had to begin anew; `heard`: how many events they were told of."""

    def __init__(self, world: World, luck: random.Random) -> None:
        self._world = world
        self._luck = luck
        self._cursor = ""
        self._place = 0
        self._told_s = world.now_s
        self.behind_s = 0.0
        self.lists = 0
        self.heard = 0
        self.away = True
        """whether they hang up for a while, now and then"""

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            life, feed = self._world.life, self._world.feed
            if life is not None and feed is not None:
                await self._on_the_line(life, feed)
            pause_s = PAUSE_S
            if self.away and self._luck.random() < AWAY:
                pause_s = AWAY_S_MAX
            await asyncio.sleep(self._luck.random() * pause_s)

    def missed(self) -> list[str]:
        """What a listener at rest has not been told of, in a world at rest."""
        found = self._skipped(len(self._world.store.log) + 1)
        late_s = self._world.now_s - self._told_s
        if late_s > LATE_S_MAX:
            found.append(f"who watches has been told nothing for {late_s:.0f} s")
        if self.behind_s > LATE_S_MAX:
            found.append(f"the feed says that it is {self.behind_s:.0f} s behind")
        return found

    async def _on_the_line(self, life: Life, feed: Feed) -> None:
        """Until it breaks: the line ends with the process at its other end."""
        watching = asyncio.create_task(self._watch(life, feed))
        died = asyncio.create_task(life.died.wait())
        try:
            await asyncio.wait((watching, died), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watching, died):
                task.cancel()
            end, _ = await asyncio.gather(watching, died, return_exceptions=True)
            if isinstance(end, Exception):
                self._world.watch.violated(f"who watches was told {end!r}")

    async def _watch(self, life: Life, feed: Feed) -> None:
        with contextlib.suppress(Crash, StoreError):
            try:
                await self._read(life, feed)
            except Lost:
                self._check_lost()
                self._cursor = ""

    async def _read(self, life: Life, feed: Feed) -> None:
        if not self._cursor:
            here = await feed.here()
            self._place, self._cursor = await feed.place(here), here
            self.lists += 1
        async for told in feed.watch(await feed.place(self._cursor)):
            if life.died.is_set() or not life.awake.is_set():
                return  # a process that stands still says nothing: after a while they hang up
            self._take(told, feed)

    def _take(self, told: Event | Bookmark, feed: Feed) -> None:
        self._told_s = self._world.now_s
        if isinstance(told, Bookmark):
            place, next_, self.behind_s = told.place, told.place + 1, told.behind_s
        else:
            place = next_ = told.cursor
            self.heard += 1
            self._check_event(told)
        for missed in self._skipped(next_):
            self._world.watch.violated(missed)
        self._place, self._cursor = place, feed.cursor(place)

    def _check_event(self, told: Event) -> None:
        if told.cursor <= self._place:
            self._world.watch.violated(f"event {told.cursor} was told after {self._place}")
        elif told != self._world.store.log[told.cursor - 1]:
            self._world.watch.violated(f"event {told.cursor} was told as another than it is")

    def _skipped(self, next_: int) -> list[str]:
        """Between the last place and this one. The feed's own canaries are nobody's news."""
        between = self._world.store.log[self._place : next_ - 1]
        return [
            f"who watches was never told of event {e.cursor}: {e.type}"
            for e in between
            if e.type != CANARY
        ]

    def _check_lost(self) -> None:
        if self._cursor and self._place >= self._world.store.floor:
            self._world.watch.violated(
                f"what came after {self._place} is there, and said to be gone"
            )
