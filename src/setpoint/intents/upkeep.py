"""What is done where the world is not as intended: all, only what a Change asks, or nothing."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit, Upkeep, UpkeepMode
from setpoint.model.change import Asked
from setpoint.model.text import when
from setpoint.policy import times

VERBS: dict[UpkeepMode, str] = {
    "enforce": "unfreeze",
    "report": "stop repairing",
    "freeze": "freeze",
}


async def keep(door: Door, asked: Asked, name: str, mode: UpkeepMode, until: str = "") -> Unit:
    """`until`: '2h' from now, or a time; '' for good. What is so already is no Change."""
    verb = VERBS[mode]
    unit = await app_to(door, asked, verb, name)
    until_s = times.coming(until, asked.at_s, f"cannot {verb} '{name}'") if until else None
    upkeep = None if mode == "enforce" else Upkeep(mode, until_s)
    if upkeep == unit.intent.upkeep:
        return unit
    intent = msgspec.structs.replace(unit.intent, upkeep=upkeep)
    return await change(door, asked, verb, _summary(name, mode, until_s), unit, intent)


def _summary(name: str, mode: UpkeepMode, until_s: float | None) -> str:
    """'Freeze shop until 2026-09-21 14:13:20 UTC'"""
    what = f"Only report drift of {name}" if mode == "report" else f"{mode.capitalize()} {name}"
    if mode == "enforce":
        return f"Unfreeze {name}"
    return f"{what} until {when(until_s)}" if until_s is not None else what
