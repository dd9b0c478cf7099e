"""The names of apps that figures are about."""

from collections.abc import Mapping

from setpoint.model.change import Actor
from setpoint.model.figures import Figures
from setpoint.model.ids import AppId
from setpoint.policy import access
from setpoint.store.port import Remembered, Store


async def names(store: Store, actor: Actor, figures: Figures) -> Mapping[AppId, str]:
    """Of those that are still there, and that the actor may know of."""
    ids = tuple({of.app for of in figures.processes if of.app})
    known = await store.remembered(ids, 0, 0)
    return {
        id: of.unit.name
        for id, of in known.items()
        if isinstance(of, Remembered) and access.sees(actor, of.unit)
    }
