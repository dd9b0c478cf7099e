"""The names of apps that figures are about."""

from collections.abc import Collection, Mapping

from setpoint.model.change import Actor
from setpoint.model.ids import AppId
from setpoint.policy import access
from setpoint.store.port import Remembered, Store


async def names(store: Store, actor: Actor, apps: Collection[AppId]) -> Mapping[AppId, str]:
    """Of those that are still there, and that the actor may know of."""
    known = await store.remembered(tuple(app for app in apps if app), 0, 0)
    return {
        id: of.unit.name
        for id, of in known.items()
        if isinstance(of, Remembered) and access.sees(actor, of.unit)
    }
