"""How long an app's release phase may take."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.policy import limits

VERB = "bound the release phase of"


async def bound(door: Door, asked: Asked, name: str, run_s_max: float) -> Unit:
    """Seconds; from the next release on. What is so already is no Change."""
    unit = await app_to(door, asked, VERB, name)
    limits.check_release_phase(name, run_s_max)
    if unit.intent.release_s_max == run_s_max:
        return unit
    intent = msgspec.structs.replace(unit.intent, release_s_max=run_s_max)
    return await change(door, asked, VERB, summary(run_s_max), unit, intent)


def summary(run_s_max: float) -> str:
    return f"Let the release phase take {run_s_max:g} s"
