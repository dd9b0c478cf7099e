"""Finding the app a view is about, and what was last seen of it."""

from collections.abc import Iterable

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Actor
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.model.observed import StatusSummary
from setpoint.planning import damage
from setpoint.policy import access
from setpoint.store.port import Damaged, Status, Store

_decode = msgspec.json.Decoder(StatusSummary | None).decode


def owners(damaged: Iterable[Damaged]) -> dict[str, str]:
    """Whose apps are that cannot be read, by name and by id."""
    return {key: one.owner for one in damaged for key in (one.name, one.app)}


def stand_in(damaged: Damaged) -> Unit:
    """For one whose intent cannot be read: its name, and whose it is."""
    return Unit(
        intent=AppIntent(damaged.app, damaged.name),
        incarnation=0,
        generation=damaged.generation,
        rev=0,
        owner=damaged.owner,
        created_at_s=damaged.created_at_s,
        updated_at_s=damaged.updated_at_s,
        last_change=0,
    )


async def unit(store: Store, id: AppId) -> Unit | None:
    """What stands for it, where it cannot be read."""
    try:
        return await store.unit(id)
    except Unreadable:
        return next((stand_in(found) for found in await store.damaged(id)), None)


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


async def unread_of(store: Store, actor: Actor) -> tuple[Unit, ...]:
    """What stands for those that cannot be read, and that the actor may know of."""
    found = (stand_in(one) for one in await store.damaged())
    return tuple(unit for unit in found if access.sees(actor, unit))


async def hidden(store: Store, actor: Actor, ids: Iterable[str]) -> frozenset[str]:
    """Those of these that the actor may not know of. Of what is forgotten, only administrators
    know; '' is the installation, which everybody does."""
    if actor.reach == "all":
        return frozenset()
    found = {id: await unit(store, AppId(id)) for id in {*ids} - {""}}
    return frozenset(id for id, one in found.items() if one is None or not access.sees(actor, one))


async def seen(store: Store, id: AppId) -> tuple[Status | None, StatusSummary]:
    """Empty where no pass has looked yet, or what one saw cannot be read: the status says so."""
    status = await store.status(id)
    if status is None:
        return None, StatusSummary()
    try:
        return status, _decode(status.summary) or StatusSummary()
    except msgspec.DecodeError:
        unread = damage.unconcluded(status.observed_generation, status.at_s)
        return msgspec.structs.replace(status, conditions=unread), StatusSummary()
