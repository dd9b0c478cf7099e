"""Who was looked at and found at rest, and whether that still holds: others need no look.

A plan depends on what memory and the world hold of an app, on what it wants of what is offered,
and on the time. So an app stays at rest while none of these is another, and the look at everything,
once a period, costs no more than what has changed. All of it is only in memory: a new life looks at
every app.
"""

import math
import struct
from collections.abc import Callable, Iterator, Set

from setpoint.converge.diary import Page, Rest
from setpoint.converge.facts import NOTHING
from setpoint.converge.slices import in_slices
from setpoint.drivers.clock import Clock
from setpoint.model.ids import AppId
from setpoint.store.port import Touched

_RESTING = struct.Struct(">QI16s")
"""The cursor that was read, until when on `clock` it is believed, and the digest of what the world
held. Packed it takes half the memory, of which there is some for every app."""


class Rests:
    """`clock`: monotonic seconds. `now`: unix seconds. `luck`: uniform in [0, 1). `rest_s`: how
    long nobody looks at most; half of it at least, so that not all come at once."""

    def __init__(
        self,
        clock: Callable[[], float],
        now: Callable[[], float],
        luck: Callable[[], float],
        rest_s: float,
    ) -> None:
        self._clock = clock
        self._now = now
        self._luck = luck
        self._rest_s = rest_s
        self._rests: dict[AppId, bytes] = {}
        self._ends: dict[int, list[AppId]] = {}
        self._newest: dict[AppId, int] = {}
        self._wall: Clock | None = None
        self._floor = 0
        self.cursor = -1
        """Before every event: nothing is known of anybody."""

    async def read(self, page: Page) -> None:
        """What passes came to since."""
        if page.all_ended:
            self._end_all()
        async for some in in_slices(tuple(page.rests.items())):
            for app, rest in some:
                self._end(app)
                if rest is not None:
                    self._begin(app, rest)

    def _begin(self, app: AppId, rest: Rest) -> None:
        if rest.cursor < self._newest.get(app, self._floor):
            return
        self._newest.pop(app, None)
        until_s = math.ceil(self._clock() + self._rest_s * (0.5 + self._luck() / 2))
        self._rests[app] = _RESTING.pack(rest.cursor, until_s, rest.held)
        self._ends.setdefault(until_s, []).append(app)

    def _end(self, app: AppId) -> None:
        self._rests.pop(app, None)

    def see(self, app: AppId, held: bytes) -> None:
        """`held`: the digest of what the world holds of it now."""
        resting = self._rests.get(app)
        if resting is not None and _RESTING.unpack(resting)[2] != held:
            self._end(app)

    async def ended(
        self, known: frozenset[AppId], touched: Touched, named: Set[AppId]
    ) -> list[AppId]:
        """All of `known` that have to be looked at, in order. `touched`: since `cursor`. `named`:
        of whom the world holds anything, each of which was seen before."""
        if not touched.whole:
            self._floor = touched.cursor  # whatever was read before may be older than it was
        if not touched.whole or self._jumped():
            self._end_all()
        for app in (*touched.left_open, *self._late()):
            self._end(app)
        self._hear(touched)
        await self._miss(named)
        self._newest = {app: newest for app, newest in self._newest.items() if app in known}
        return await self._restless(known)

    async def _restless(self, known: frozenset[AppId]) -> list[AppId]:
        found: list[AppId] = []
        async for apps in in_slices(tuple(known)):
            found += [app for app in apps if app not in self._rests]
        return sorted(found)

    def _hear(self, touched: Touched) -> None:
        for app, newest in touched.newest.items():
            resting = self._rests.get(app)
            if resting is None or _RESTING.unpack(resting)[0] < newest:
                self._newest[app] = newest
                self._end(app)
        self.cursor = touched.cursor

    async def _miss(self, named: Set[AppId]) -> None:
        """Who had anything and has nothing any more."""
        async for apps in in_slices(tuple(self._rests)):
            for app in apps:
                if app not in named:
                    self.see(app, NOTHING)

    def _late(self) -> Iterator[AppId]:
        """Those that nobody has looked at for long."""
        for until_s in sorted(due for due in self._ends if due <= self._clock()):
            for app in self._ends.pop(until_s):
                resting = self._rests.get(app)
                if resting is not None and _RESTING.unpack(resting)[1] == until_s:
                    yield app

    def _jumped(self) -> bool:
        """What a moment ago was over may be still to come."""
        if self._wall is None:
            self._wall = Clock(self._now, self._clock)
        return self._wall.heed() != 0.0

    def _end_all(self) -> None:
        self._rests.clear()
        self._ends.clear()
