"""Where an app's log is sent, with what came of it."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.views import drains
from setpoint.views.drains import DrainTold


async def listed(call: Call) -> tuple[DrainTold, ...]:
    """As recorded within the last second or two."""
    unit = await find.app(call)
    now_s = call.asked.at_s
    return await drains.drains(call.services.store, call.asked.actor, unit, now_s)
