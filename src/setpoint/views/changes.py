"""The log of Changes, newest first."""

from setpoint.model.change import Actor, UnitChange
from setpoint.policy import access
from setpoint.store.port import Store
from setpoint.views import lookup

LIMIT_MAX = 500


async def changes(
    store: Store, actor: Actor, name: str | None = None, limit: int = 50
) -> tuple[UnitChange, ...]:
    """Of one app, or of all."""
    bounded = max(1, min(limit, LIMIT_MAX))
    if name is None:
        access.authorise(actor, "see", "the changes")
        return await store.changes(None, bounded)
    unit = await lookup.app_to(store, actor, "see", name)
    return await store.changes(unit.id, bounded)
