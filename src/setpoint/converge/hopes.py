"""Who is short of which capability, so that a change of one wakes those and nobody else.

Only in memory: after a restart the first survey passes over every app, and all is known again.
"""

from setpoint.model.capability import Capabilities, Unmet
from setpoint.model.ids import AppId


class Hopes:
    def __init__(self) -> None:
        self._short_of: dict[str, set[AppId]] = {}
        self._offers: Capabilities | None = None

    def remember(self, app: AppId, unmet: tuple[Unmet, ...]) -> None:
        """What its newest plan could not have."""
        self.forget(app)
        for short in unmet:
            self._short_of.setdefault(short.capability, set()).add(app)

    def forget(self, app: AppId) -> None:
        for apps in self._short_of.values():
            apps.discard(app)

    def after(self, offers: Capabilities) -> tuple[AppId, ...]:
        """Those that were short of something that is not as it was at the last look."""
        before, self._offers = self._offers, offers
        if before is None:
            return ()
        names = offers.changed(before)
        woken = set[AppId]().union(*(self._short_of.get(name, set()) for name in names))
        return tuple(sorted(woken))
