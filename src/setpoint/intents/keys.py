"""The invoke key: what a caller of an app's functions must show."""

import msgspec

from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked

VERB = "rotate the invoke key of"


async def rotate(door: Door, asked: Asked, name: str) -> Unit:
    """The old key opens nothing once the edge has the new one."""
    unit = await app_to(door, asked, VERB, name)
    invoke_key = secrets.next_ref(door, unit.intent.invoke_key)
    intent = msgspec.structs.replace(unit.intent, invoke_key=invoke_key)
    sealed = {invoke_key.key: door.new_token()}
    return await change(door, asked, VERB, "Rotate invoke key", unit, intent, sealed)
