"""Who wants which of what is offered, so that another offer wakes those and nobody else.

Only in memory: after a restart the first survey passes over every app, and all is known again.
"""

from collections.abc import Collection

from setpoint.model.capability import Capabilities, Want
from setpoint.model.ids import AppId


class Hopes:
    """Most apps want the same, so each want is there once."""

    def __init__(self) -> None:
        self._of: dict[AppId, Collection[Want]] = {}
        self._by: dict[Want, set[AppId]] = {}
        self._offers: Capabilities | None = None

    def remember(self, app: AppId, wants: Collection[Want]) -> None:
        """What its newest plan leaned on."""
        if self._of.get(app) == wants:
            return
        self.forget(app)
        self._of[app] = wants
        for want in wants:
            self._by.setdefault(want, set()).add(app)

    def forget(self, app: AppId) -> None:
        for want in self._of.pop(app, ()):
            self._by[want].discard(app)
            if not self._by[want]:
                del self._by[want]

    def after(self, offers: Capabilities) -> tuple[AppId, ...]:
        """Those that wanted something that they would not have as at the last look."""
        before, self._offers = self._offers, offers
        if before is None or before == offers:
            return ()
        others = [apps for want, apps in self._by.items() if want.had(before) != want.had(offers)]
        return tuple(sorted(set[AppId]().union(*others)))
