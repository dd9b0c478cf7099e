"""What is done where the world is not as intended; who said so, why and until when."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import upkeep as intents
from setpoint.model.app import UpkeepMode
from setpoint.views import upkeep


class UpkeepChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`until`: '2h' from now, or a time; '': until somebody says otherwise."""

    mode: UpkeepMode
    until: str = ""


async def put(call: Call, body: UpkeepChange) -> upkeep.UpkeepTold | None:
    unit = await find.app(call, intents.VERBS[body.mode])
    kept = await intents.keep(call.services.door, call.asked, unit.name, body.mode, body.until)
    return await upkeep.upkeep(call.services.store, kept, call.asked.at_s)
