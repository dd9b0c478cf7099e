"""Who says that an app is frozen or its drift only reported, why, and until when."""

import msgspec

from setpoint.model.app import Unit, UpkeepMode
from setpoint.store.port import Store

PATH = "upkeep.mode"


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
    if said is None:
        return None
    seq = next(f.change for f in await store.fields(unit.id) if f.path == PATH)
    change = (await store.change(seq))[0].change
    who = change.asked.on_behalf_of or change.asked.actor.email or change.asked.actor.name
    return UpkeepTold(said.mode, said.until_s, change.asked.at_s, who, change.asked.why, seq)
