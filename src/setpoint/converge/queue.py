"""Which app to look at next. Names only: a pass looks for itself what has happened.

An app woken while it is worked on is looked at once more afterwards, so no wake is lost and no
two passes of one app ever overlap. No locks: everything here runs on one event loop.
"""

import heapq
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from setpoint.model.ids import AppId


class Priority(IntEnum):
    FRESH = 0
    """somebody asked"""
    RETRY = 1
    """a fact changed, or a timer is up: backoff, or something was waited for"""
    RESYNC = 2
    """nothing in particular: the period is over"""


class Queue:
    """`clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: tuple[deque[AppId], ...] = tuple(deque() for _ in Priority)
        self._dirty: dict[AppId, Priority] = {}
        self._busy: set[AppId] = set()
        self._due: dict[AppId, float] = {}
        self._timers: list[tuple[float, AppId]] = []

    def __len__(self) -> int:
        """Dirty by now; those whose timer has not rung are not."""
        return len(self._dirty)

    def add(self, app: AppId, priority: Priority = Priority.FRESH) -> None:
        """Mark it dirty. A higher priority overtakes; the stale place in line is skipped later."""
        if app in self._dirty and self._dirty[app] <= priority:
            return
        self._dirty[app] = priority
        if app not in self._busy:
            self._lines[priority].append(app)

    def add_later(self, app: AppId, delay_s: float) -> None:
        """Look again after `delay_s`, or earlier if something earlier is due."""
        at = self._clock() + delay_s
        if at < self._due.get(app, float("inf")):
            self._due[app] = at
            heapq.heappush(self._timers, (at, app))

    def take(self, most: int) -> list[AppId]:
        """The next apps, all of one priority; each counts as busy until `done`."""
        self._ring_timers()
        for priority, line in zip(Priority, self._lines, strict=True):
            taken: list[AppId] = []
            while line and len(taken) < most:
                app = line.popleft()
                if self._dirty.get(app) is priority and app not in self._busy:
                    self._begin(app)
                    taken.append(app)
            if taken:
                return taken
        return []

    def done(self, app: AppId) -> None:
        """The pass is over; a wake that came meanwhile counts from now."""
        self._busy.discard(app)
        priority = self._dirty.get(app)
        if priority is not None:
            self._lines[priority].append(app)

    def next_due(self) -> float | None:
        """When the next timer rings, on `clock`; None if none is set."""
        while self._timers and self._due.get(self._timers[0][1]) != self._timers[0][0]:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _begin(self, app: AppId) -> None:
        del self._dirty[app]
        self._due.pop(app, None)
        self._busy.add(app)

    def _ring_timers(self) -> None:
        while (due := self.next_due()) is not None and due <= self._clock():
            _, app = heapq.heappop(self._timers)
            del self._due[app]
            self.add(app, Priority.RETRY)
