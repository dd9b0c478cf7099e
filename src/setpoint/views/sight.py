"""Whether somebody who watches may hear of an event."""

from setpoint.model.change import Actor
from setpoint.model.ids import AppId
from setpoint.policy import access
from setpoint.store.port import Event, Store
from setpoint.views import lookup

ALTERS = "change.accepted"
"""Roles come and go by Changes alone."""


class Sight:
    """Of one watcher. What is known of an app is kept until it changes; of one that is gone, for
    ever. One that cannot be read is its owner's until the next Change. What is about the
    installation is for administrators."""

    def __init__(self, store: Store, actor: Actor) -> None:
        self._store = store
        self._actor = actor
        self._known: dict[str, bool] = {}

    async def of(self, event: Event) -> bool:
        """Raises StoreError."""
        if self._actor.reach == "all":
            return True
        if event.unit and (event.type == ALTERS or event.unit not in self._known):
            await self._look(event.unit)
        return self._known.get(event.unit, False)

    async def _look(self, id: str) -> None:
        unit = await lookup.unit(self._store, AppId(id))
        if unit is not None:
            self._known[id] = access.sees(self._actor, unit)
