"""Who was looked at and found at rest, and whether that still holds: others need no look.

A plan depends on what memory and the world hold of an app, on what is offered, and on the time. So
an app stays at rest while none of these is another, and the look at everything, once a period,
costs no more than what has changed. All of it is only in memory: a new life looks at every app.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from setpoint.converge.observer import NOTHING, Facts, Sight, Snapshot
from setpoint.converge.slices import in_slices
from setpoint.drivers.clock import Jumps
from setpoint.model.capability import Capabilities
from setpoint.model.ids import AppId
from setpoint.store.port import Touched


@dataclass(frozen=True, slots=True)
class _Rest:
    """`cursor`: what was written of the app up to there was read. `until_s`: on the clock of the
    loop; nobody is believed to be at rest for ever."""

    cursor: int
    facts: Facts
    until_s: float


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
        self._rests: dict[AppId, _Rest] = {}
        self._ends: list[tuple[float, AppId]] = []
        self._working: dict[AppId, None] = {}
        self._newest: dict[AppId, int] = {}
        self._offers: Capabilities | None = None
        self._jumps: Jumps | None = None
        self.cursor = 0

    def begin(self, sight: Sight, offers: Capabilities) -> None:
        """It was looked at, and there is nothing to do, nor to wait for."""
        app = sight.unit.id
        if offers != self._offers or sight.cursor < self._newest.get(app, 0):
            return
        self._newest.pop(app, None)
        until_s = self._clock() + self._rest_s * (0.5 + self._luck() / 2)
        self._rests[app] = _Rest(sight.cursor, sight.facts, until_s)
        heapq.heappush(self._ends, (until_s, app))
        if sight.facts != NOTHING:
            self._working[app] = None

    def end(self, app: AppId) -> None:
        """It is looked at, or gone."""
        self._rests.pop(app, None)
        self._working.pop(app, None)

    def offered(self, offers: Capabilities) -> None:
        """What is offered decides about everybody."""
        if offers != self._offers:
            self._offers = offers
            self._end_all()

    async def ended(self, known: frozenset[AppId], touched: Touched, seen: Snapshot) -> list[AppId]:
        """All of `known` that have to be looked at, in order. `touched`: since `cursor`."""
        if not touched.whole or self._jumped():
            self._end_all()
        for app in (*touched.left_open, *self._late()):
            self.end(app)
        self._hear(touched)
        await self._compare(seen)
        self._newest = {app: newest for app, newest in self._newest.items() if app in known}
        return await self._restless(known)

    async def _restless(self, known: frozenset[AppId]) -> list[AppId]:
        found: list[AppId] = []
        async for apps in in_slices(tuple(known)):
            found += [app for app in apps if app not in self._rests]
        return sorted(found)

    def _hear(self, touched: Touched) -> None:
        for app, newest in touched.newest.items():
            rest = self._rests.get(app)
            if rest is None or rest.cursor < newest:
                self._newest[app] = newest
                self.end(app)
        self.cursor = touched.cursor

    async def _compare(self, seen: Snapshot) -> None:
        """Whoever has anything now, and of those who had who has nothing any more."""
        async for apps in in_slices(seen.named):
            for app in apps:
                self._look_again(app, seen.of(app))
        async for apps in in_slices(tuple(self._working)):
            for app in apps:
                if not seen.has(app):
                    self._look_again(app, NOTHING)

    def _look_again(self, app: AppId, facts: Facts) -> None:
        rest = self._rests.get(app)
        if rest is not None and rest.facts != facts:
            self.end(app)

    def _late(self) -> Iterator[AppId]:
        """Those that nobody has looked at for long."""
        while self._ends and self._ends[0][0] <= self._clock():
            until_s, app = heapq.heappop(self._ends)
            rest = self._rests.get(app)
            if rest is not None and rest.until_s == until_s:
                yield app

    def _jumped(self) -> bool:
        """What a moment ago was over may be still to come."""
        if self._jumps is None:
            self._jumps = Jumps(self._now, self._clock)
        return self._jumps.since_last() != 0.0

    def _end_all(self) -> None:
        self._rests.clear()
        self._working.clear()
        self._ends.clear()
