"""Everything of an app afresh, on the same release."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked

VERB = "restart"


async def restart(door: Door, asked: Asked, name: str) -> Unit:
    """The time is part of every instance's specification, so a new one means a replacement."""
    unit = await app_to(door, asked, VERB, name)
    intent = msgspec.structs.replace(unit.intent, restarted_at_s=asked.at_s)
    return await change(door, asked, VERB, f"Restart {name}", unit, intent)
