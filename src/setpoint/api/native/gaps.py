"""What is wanted and cannot be had, and by whom."""

import msgspec

from setpoint.api.call import Call
from setpoint.views import gaps


class Gaps(msgspec.Struct, frozen=True):
    """Most wanted first. `at_s`: unix seconds of this answer, for ages."""

    at_s: float
    capabilities: tuple[gaps.Demand, ...]


async def listed(call: Call) -> Gaps:
    """`?app=`: of one app alone."""
    app = call.request.query_params.get("app") or None
    found = await gaps.gaps(call.services.store, call.asked.actor, app)
    return Gaps(call.asked.at_s, found)
