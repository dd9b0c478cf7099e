"""Whom the processes of an app may connect to."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.egress import Egress, words
from setpoint.policy.egress import accepted

VERB = "set the egress of"


async def set_egress(door: Door, asked: Asked, name: str, said: Egress) -> Unit:
    """(): as if nothing had been said. What is so already is no Change."""
    unit = await app_to(door, asked, VERB, name)
    egress = accepted(unit.name, said)
    if egress == unit.intent.egress:
        return unit
    intent = msgspec.structs.replace(unit.intent, egress=egress)
    return await change(door, asked, VERB, f"Egress: {words(egress)}", unit, intent)
