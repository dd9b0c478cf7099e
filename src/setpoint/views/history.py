"""How long things usually take for one app."""

from setpoint.model.change import Actor
from setpoint.model.history import Usual
from setpoint.model.ids import AppId
from setpoint.planning import history
from setpoint.store.port import Store
from setpoint.views import lookup

CHANGES_READ = 100


async def usual(store: Store, actor: Actor, name: str) -> dict[str, Usual]:
    """By the Change's verb; nothing is said of what happened too rarely."""
    unit = await lookup.app_to(store, actor, "see", name)
    return await of_app(store, unit.id)


async def of_app(store: Store, id: AppId) -> dict[str, Usual]:
    """The same for who has asked before whether they may see it."""
    return history.usual(await store.took(id, CHANGES_READ))
