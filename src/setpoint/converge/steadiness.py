"""Is the time of day to be believed? It decides what is old, and what is old is deleted.

A clock that is set to another year makes everything old at once, or young for ever. So it is held
against the machine's own steady clock: after a jump nothing is old until the new time has stood
for a day, in which somebody may put it right again.
"""

from collections.abc import Callable

from setpoint.drivers.clock import Jumps

JUMP_S = 300.0
"""More than any correction that is made while a clock is kept right."""
TRUSTED_AFTER_S = 86_400.0


class Steadiness:
    """`now`: unix seconds. `clock`: seconds that only ever pass."""

    def __init__(self, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self._now = now
        self._clock = clock
        self._jumps: Jumps | None = None
        self._jumped_at: float | None = None
        self._by_s = 0.0

    def doubt(self) -> str:
        """Why nothing is to be called old now, or ''."""
        if self._jumps is None:
            self._jumps = Jumps(self._now, self._clock)
        by_s, at = self._jumps.since_last(), self._clock()
        if abs(by_s) > JUMP_S:
            self._jumped_at, self._by_s = at, by_s
        if self._jumped_at is None or at - self._jumped_at >= TRUSTED_AFTER_S:
            return ""
        way = "ahead" if self._by_s > 0 else "back"
        return f"the clock jumped {abs(self._by_s):.0f} s {way}; it is believed after a day"
