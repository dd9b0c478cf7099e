"""Who wants which of what is offered, so that another offer wakes those and nobody else.

Only in memory: after a restart the first survey passes over every app, and all is known again.
"""

from dataclasses import dataclass, field

from setpoint.model.capability import Capabilities, Want
from setpoint.model.ids import AppId


@dataclass(frozen=True)
class _Alike:
    """Those of which the plans leaned on the very same."""

    wants: frozenset[Want]
    apps: set[AppId] = field(default_factory=set[AppId])


class Hopes:
    """Most apps want the same, or nothing: what they want is there once, and nothing not at all."""

    def __init__(self) -> None:
        self._of: dict[AppId, _Alike] = {}
        self._by: dict[frozenset[Want], _Alike] = {}
        self._offers: Capabilities | None = None

    def remember(self, app: AppId, wants: frozenset[Want]) -> None:
        """What its newest plan leaned on."""
        before = self._of.get(app)
        if wants == (before.wants if before is not None else frozenset()):
            return
        self.forget(app)
        if wants:
            self._of[app] = alike = self._by.setdefault(wants, _Alike(wants))
            alike.apps.add(app)

    def forget(self, app: AppId) -> None:
        if (alike := self._of.pop(app, None)) is None:
            return
        alike.apps.discard(app)
        if not alike.apps:
            del self._by[alike.wants]

    def after(self, offers: Capabilities) -> tuple[AppId, ...]:
        """Those that wanted something that they would not have as at the last look."""
        before, self._offers = self._offers, offers
        if before is None or before == offers:
            return ()
        every = frozenset[Want]().union(*self._by)
        moved = {want for want in every if want.had(before) != want.had(offers)}
        return tuple(sorted(app for a in self._by.values() if a.wants & moved for app in a.apps))
