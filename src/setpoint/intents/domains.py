"""Hosts of an app besides its own."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.policy import domains

ADD, REMOVE = "add a domain to", "remove a domain from"


async def add(door: Door, asked: Asked, name: str, host: str) -> tuple[Unit, str]:
    """(the app, the host as it is kept). Raises Conflict where another app has it."""
    unit = await app_to(door, asked, ADD, name)
    after = domains.added(unit.name, unit.intent.domains, host)
    (new,) = set(after) - set(unit.intent.domains)
    return await _set(door, asked, ADD, unit, after, f"Add {new}"), new


async def remove(door: Door, asked: Asked, name: str, host: str) -> Unit:
    unit = await app_to(door, asked, REMOVE, name)
    after = domains.removed(unit.name, unit.intent.domains, host)
    (gone,) = set(unit.intent.domains) - set(after)
    return await _set(door, asked, REMOVE, unit, after, f"Remove {gone}")


async def _set(
    door: Door, asked: Asked, verb: str, unit: Unit, after: tuple[str, ...], summary: str
) -> Unit:
    intent = msgspec.structs.replace(unit.intent, domains=after)
    return await change(door, asked, verb, f"{summary} domain", unit, intent)
