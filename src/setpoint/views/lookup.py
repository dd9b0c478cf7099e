"""Finding the app a view is about, and what was last seen of it."""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.ids import AppId
from setpoint.model.observed import StatusSummary
from setpoint.policy import access
from setpoint.store.port import Status, Store

_decode = msgspec.json.Decoder(StatusSummary | None).decode


async def app_to(store: Store, actor: Actor, verb: str, name: str) -> Unit:
    """Raises Forbidden, NotFound. One that is being destroyed can still be seen."""
    access.authorise(actor, verb, name)
    unit = await store.unit_named(name)
    if unit is None:
        raise access.no_such_app(verb, name)
    return unit


async def seen(store: Store, id: AppId) -> tuple[Status | None, StatusSummary]:
    """Empty where no pass has looked yet, or an earlier version wrote what this one cannot read."""
    status = await store.status(id)
    if status is None:
        return None, StatusSummary()
    try:
        return status, _decode(status.summary) or StatusSummary()
    except msgspec.DecodeError:
        return status, StatusSummary()
