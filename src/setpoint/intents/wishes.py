"""What an app asks of wherever it runs: a level of isolation, certificates by themselves.

Whether it can be had is not asked here: it is kept, and what falls short is told.
"""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.level import Level
from setpoint.policy import wishes

LEVEL = "set the isolation level of"
ACM = "ask for certificates of"


async def set_level(door: Door, asked: Asked, name: str, said: str) -> Unit:
    """'': whatever there is will do. What is so already is no Change."""
    unit = await app_to(door, asked, LEVEL, name)
    level = wishes.level(unit.name, said)
    summary = level_summary(level)
    return await _set(door, asked, LEVEL, summary, unit, isolation_level_min=level)


def level_summary(level: Level | None) -> str:
    return f"Isolation level {level} at least" if level else "Any isolation level"


def region_summary(region: str) -> str:
    return f"Region {region}" if region else "Any region"


async def set_acm(door: Door, asked: Asked, name: str, *, wanted: bool) -> Unit:
    unit = await app_to(door, asked, ACM, name)
    summary = f"{'Enable' if wanted else 'Disable'} automatic certificates"
    return await _set(door, asked, ACM, summary, unit, acm=wanted)


async def _set(
    door: Door, asked: Asked, verb: str, summary: str, unit: Unit, **fields: object
) -> Unit:
    intent = msgspec.structs.replace(unit.intent, **fields)
    if intent == unit.intent:
        return unit
    return await change(door, asked, verb, summary, unit, intent)
