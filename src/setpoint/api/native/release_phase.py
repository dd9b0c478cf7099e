"""An app's release phase: how long it may take."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import release_phase
from setpoint.model.job import RELEASE_S_MAX


class ReleasePhase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`run_s_max`: seconds."""

    run_s_max: float = RELEASE_S_MAX


async def patch(call: Call, body: ReleasePhase) -> ReleasePhase:
    unit = await find.app(call, "scale")
    await release_phase.bound(call.services.door, call.asked, unit.name, body.run_s_max)
    return body
