"""Whom to ask about an app: whose it is, and who changed it last."""

from setpoint.model.answer import Hand, Who
from setpoint.model.change import Actor, UnitChange
from setpoint.store.port import Store
from setpoint.views import lookup

CHANGES_READ = 100
HANDS_MAX = 3


async def who(store: Store, actor: Actor, name: str) -> Who:
    """The last three who changed it; whom somebody acted for counts, not who typed."""
    unit = await lookup.app_to(store, actor, "see", name)
    changes = await store.changes(unit.id, CHANGES_READ)
    by: dict[str, list[UnitChange]] = {}
    for made in changes:
        asked = made.change.asked
        by.setdefault(asked.on_behalf_of or asked.actor.email or asked.actor.name, []).append(made)
    hands = tuple(Hand(name, made[0], len(made)) for name, made in by.items())
    return Who(unit.name, unit.owner, hands[:HANDS_MAX], len(changes))
