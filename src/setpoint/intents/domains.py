"""Hosts of an app besides its own, and which certificate each is served with."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Certificate, Unit
from setpoint.model.change import Asked
from setpoint.policy import certificates, domains

ADD, REMOVE = "add a domain to", "remove a domain from"


async def add(
    door: Door, asked: Asked, name: str, host: str, certificate: str | None = None
) -> tuple[Unit, str]:
    """(the app, the host as it is kept). Raises Conflict where another app has it."""
    unit = await app_to(door, asked, ADD, name)
    after = domains.added(unit.name, unit.intent.domains, host)
    (new,) = set(after) - set(unit.intent.domains)
    kept = unit.intent.certificates
    if certificate is not None:
        failing = f"cannot {ADD} '{unit.name}'"
        own = kept[certificates.named(unit.name, kept, certificate, failing)]
        certificates.check_covers(own.names, (new,), failing)
    bound = certificates.bound(kept, new, certificate)
    return await _set(door, asked, ADD, unit, after, f"Add {new}", bound), new


async def remove(door: Door, asked: Asked, name: str, host: str) -> Unit:
    unit = await app_to(door, asked, REMOVE, name)
    after = domains.removed(unit.name, unit.intent.domains, host)
    (gone,) = set(unit.intent.domains) - set(after)
    bound = certificates.bound(unit.intent.certificates, gone, None)
    return await _set(door, asked, REMOVE, unit, after, f"Remove {gone}", bound)


async def _set(
    door: Door,
    asked: Asked,
    verb: str,
    unit: Unit,
    after: tuple[str, ...],
    summary: str,
    bound: dict[str, Certificate],
) -> Unit:
    intent = msgspec.structs.replace(unit.intent, domains=after, certificates=bound)
    return await change(door, asked, verb, f"{summary} domain", unit, intent)
