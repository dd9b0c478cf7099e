"""Looks whether web apps leave requests waiting: the queue of connections that nobody accepts.

Only of those that may grow, and only while the edge tells that they have something in hand: an app
at rest is not looked at. `planning.scaling` says what follows from it.
"""

from collections.abc import Callable

from setpoint.drivers.local import facts as change
from setpoint.drivers.local.seams import Timers
from setpoint.drivers.local.table import Standing, Table
from setpoint.model.ids import SetKey
from setpoint.planning.scaling import may_queue

LOOK_S = 0.25
"""A dozen looks make up the time for which somebody must have waited. Each takes 0.1 ms."""


class Queues:
    """`wake`: somebody has waited there, look what is to be done."""

    def __init__(
        self,
        table: Table,
        wake: Callable[[SetKey], None],
        now_s: Callable[[], float],
        loop: Timers,
    ) -> None:
        self._table = table
        self._wake = wake
        self._now_s = now_s
        self._loop = loop
        self._watched: set[SetKey] = set()

    def told(self, key: SetKey) -> None:
        """By the edge, of what this set has in hand."""
        standing = self._table.sets.get(key)
        if standing is not None and key not in self._watched and _may_queue(standing):
            self._watched.add(key)
            self._later(key)

    def _later(self, key: SetKey) -> None:
        self._loop.call_later(LOOK_S, self._look, key)

    def _look(self, key: SetKey) -> None:
        standing = self._table.sets.get(key)
        if standing is None:
            self._watched.discard(key)
            return
        queued = [standing.queued(i) for i in standing.facts.ready] if _may_queue(standing) else []
        standing.facts = change.queues_seen(standing.facts, queued, self._now_s())
        if not queued:
            self._watched.discard(key)
            return
        if standing.facts.queued_since_s is not None:
            self._wake(key)
        self._later(key)


def _may_queue(standing: Standing) -> bool:
    return standing.order is not None and may_queue(standing.order, standing.facts)
