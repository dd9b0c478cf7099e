"""Finding the app a view is about, and what was last seen of it."""

from collections.abc import Iterable

import msgspec

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.model.observed import StatusSummary
from setpoint.policy import access
from setpoint.store.port import Damaged, Status, Store

_decode = msgspec.json.Decoder(StatusSummary | None).decode


def owners(damaged: Iterable[Damaged]) -> dict[str, str]:
    """Whose apps are that cannot be read, by name and by id."""
    return {key: one.owner for one in damaged for key in (one.name, one.app)}


async def app_to(store: Store, actor: Actor, verb: str, name: str) -> Unit:
    """Raises Forbidden, NotFound. One that is being destroyed can still be seen."""
    access.authorise(actor, verb, name)
    try:
        unit = await store.unit_named(name)
    except Unreadable:
        access.hide_unread(actor, verb, name, owners(await store.damaged()))
        raise
    if unit is None:
        raise access.no_such_app(verb, name)
    access.admit(actor, verb, unit)
    return unit


async def seen_named(store: Store, actor: Actor, name: str) -> Unit | None:
    """The app of that name, if there is one that the actor may know of."""
    unit = await store.unit_named(name)
    return unit if unit is not None and access.sees(actor, unit) else None


async def apps_of(store: Store, actor: Actor) -> tuple[Unit, ...]:
    """All that the actor may know of, by name."""
    return tuple(unit for unit in await store.units() if access.sees(actor, unit))


async def hidden(store: Store, actor: Actor, ids: Iterable[str]) -> frozenset[str]:
    """Those of these that the actor may not know of. Of what is forgotten, only administrators
    know; '' is the installation, which everybody does."""
    if actor.reach == "all":
        return frozenset()
    found = {id: await store.unit(AppId(id)) for id in {*ids} - {""}}
    return frozenset(
        id for id, unit in found.items() if unit is None or not access.sees(actor, unit)
    )


async def seen(store: Store, id: AppId) -> tuple[Status | None, StatusSummary]:
    """Empty where no pass has looked yet, or an earlier version wrote what this one cannot read."""
    status = await store.status(id)
    if status is None:
        return None, StatusSummary()
    try:
        return status, _decode(status.summary) or StatusSummary()
    except msgspec.DecodeError:
        return status, StatusSummary()
