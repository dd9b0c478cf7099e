"""The hot set: of which sleeping functions Envoy keeps a cluster (`planning.hot_set` decides).

What runs, or is waited for, is none of its business: it has one. Who asks for a function outside
of it is held like the caller of a web app, until Envoy has confirmed its cluster again; the
request then waits in the function's own socket, as if nothing had been.
"""

from collections.abc import Callable

from setpoint.drivers.envoy.drains import Timer
from setpoint.drivers.envoy.snapshot import Name
from setpoint.drivers.envoy.table import Place, Table
from setpoint.formats.envoy.limits import Limits
from setpoint.model.ids import SetKey
from setpoint.model.process import SetFacts
from setpoint.planning.hot_set import Sleeper, balance


class HotSet:
    """`changed`: told what is different for Envoy. `later(seconds, then)`: the loop's clock."""

    def __init__(
        self,
        table: Table,
        changed: Callable[[set[Name]], None],
        limits: Limits,
        now_s: Callable[[], float],
        later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self._table = table
        self._changed = changed
        self._limits = limits
        self._now_s = now_s
        self._later = later
        self._sleepers: dict[SetKey, Sleeper] = {}
        """those whose cluster Envoy has"""
        self._awaited: set[SetKey] = set()
        self._timer: Timer | None = None

    # --- what happens -------------------------------------------------------------------------

    def facts(self, key: SetKey, facts: SetFacts | None) -> set[Name]:
        """What the supervisor sees of one set now; returns what is different for Envoy. One that
        sleeps as it is met (we were away) and finds no place begins outside."""
        table = self._table
        if facts is not None and key not in table.facts and _sleeps(facts) and self._full:
            table.places[key] = Place.COLD
        changed = table.set_facts(key, facts)
        if facts is None:
            self._sleepers.pop(key, None)
        elif not _sleeps(facts) or key in self._awaited:
            self._come_in(key)
        elif key not in self._sleepers and table.place(key) is Place.HOT:
            self._fall_asleep(key, facts.last_used_s)
        return changed

    def used(self, key: SetKey) -> None:
        """It was asked for just now."""
        if sleeper := self._sleepers.get(key):
            self._sleepers[key] = sleeper._replace(used_s=self._now_s())

    def wanted(self, key: SetKey, waiting: int) -> None:
        """So many requests are held for it."""
        if waiting:
            self._awaited.add(key)
            self._come_in(key)
        elif key in self._awaited:
            self._awaited.discard(key)
            facts = self._table.facts.get(key)
            if facts is not None and _sleeps(facts):
                self._fall_asleep(key, self._now_s())

    # --- what follows -------------------------------------------------------------------------

    @property
    def _full(self) -> bool:
        return len(self._sleepers) >= self._limits.hot_functions

    def _fall_asleep(self, key: SetKey, used_s: float) -> None:
        self._sleepers[key] = Sleeper(key, used_s)
        if len(self._sleepers) > self._limits.hot_functions:
            self._balance()

    def _come_in(self, key: SetKey) -> None:
        self._sleepers.pop(key, None)
        if self._table.place(key) is not Place.HOT:
            self._put(key, Place.HOT)

    def _balance(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limits, now_s = self._limits, self._now_s()
        decided = balance(self._sleepers.values(), limits.hot_functions, limits.leaving_s, now_s)
        for key in decided.leave:
            self._sleepers[key] = self._sleepers[key]._replace(left_s=now_s)
            self._put(key, Place.LEAVING)
        for key in decided.drop:
            del self._sleepers[key]
            self._put(key, Place.COLD)
        if decided.look_again_s is not None:
            self._timer = self._later(decided.look_again_s, self._balance)

    def _put(self, key: SetKey, place: Place) -> None:
        self._changed(self._table.put(key, place))


def _sleeps(facts: SetFacts) -> bool:
    """A function that is not meant to run before it is called."""
    return facts.socket is not None and facts.bounds.min == 0 and not facts.live
