"""Who says that an app is frozen or its drift only reported, why, and until when."""

import msgspec

from setpoint.model.app import Unit, Upkeep, UpkeepMode
from setpoint.model.condition import Condition
from setpoint.store.port import Store

PATHS = "upkeep."
REASONS = ("Frozen", "Drifted")
"""of conditions that are so because somebody said it"""


class UpkeepTold(msgspec.Struct, frozen=True):
    """Times are unix seconds. `why`: the human's words, or ''. `change`: its number."""

    mode: UpkeepMode
    until_s: float | None
    since_s: float
    by: str
    why: str
    change: int


async def upkeep(store: Store, unit: Unit, now_s: float) -> UpkeepTold | None:
    """None where everything is enforced, as it is unless somebody says otherwise."""
    said = unit.intent.upkeep_at(now_s)
    return await _told(store, unit, said) if said is not None else None


async def explained(
    store: Store, unit: Unit, conditions: tuple[Condition, ...], now_s: float
) -> tuple[Condition, ...]:
    """With who said so, and why, in the message that says what is left."""
    if not any(c.status and c.reason in REASONS for c in conditions):
        return conditions
    said = await upkeep(store, unit, now_s)
    return tuple(
        msgspec.structs.replace(c, message=f"{c.message}; {_words(said)}")
        if said is not None and c.status and c.reason in REASONS
        else c
        for c in conditions
    )


def _words(said: "UpkeepTold") -> str:
    """'said by ana in c7: we look for a leak'"""
    return f"said by {said.by} in c{said.change}" + (f": {said.why}" if said.why else "")


async def _told(store: Store, unit: Unit, said: Upkeep) -> UpkeepTold:
    seq = max(f.change for f in await store.fields(unit.id) if f.path.startswith(PATHS))
    change = (await store.change(seq))[0].change
    who = change.asked.on_behalf_of or change.asked.actor.email or change.asked.actor.name
    return UpkeepTold(said.mode, said.until_s, change.asked.at_s, who, change.asked.why, seq)
