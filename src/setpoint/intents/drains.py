"""Where an app's log is sent, too. The address is sealed; what is said of it in the clear is its
host."""

import msgspec

from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Drain, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Conflict, NotFound
from setpoint.policy import sending

ADD, REMOVE = "add a log drain to", "remove a log drain from"


async def add(door: Door, asked: Asked, name: str, url: str) -> tuple[Unit, str]:
    """(the app, the drain's id). Raises Invalid, Conflict, OverLimit."""
    unit = await app_to(door, asked, ADD, name)
    drains = unit.intent.drains
    to = sending.drain(name, url, len(drains), door.reachable)
    known = await door.store.reveal({id: drain.url for id, drain in drains.items()})
    if url in known.values():
        raise Conflict(f"cannot {ADD} '{name}': its log is sent to that address already")
    id, ref = door.new_id(), secrets.next_ref(door, None)
    intent = msgspec.structs.replace(
        unit.intent, drains={**drains, id: Drain(to.shown, ref, asked.at_s)}
    )
    told = f"Add log drain to {to.shown}"
    return await change(door, asked, ADD, told, unit, intent, {ref.key: url}), id


async def remove(door: Door, asked: Asked, name: str, id: str) -> Unit:
    unit = await app_to(door, asked, REMOVE, name)
    gone = unit.intent.drains.get(id)
    if gone is None:
        raise NotFound(f"cannot {REMOVE} '{name}': it has no such drain")
    left = {known: drain for known, drain in unit.intent.drains.items() if known != id}
    intent = msgspec.structs.replace(unit.intent, drains=left)
    return await change(door, asked, REMOVE, f"Remove log drain to {gone.to}", unit, intent)
