"""Who am I."""

from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write


async def info(call: Call) -> shapes.Account:
    return write.account(call.asked.actor, call.services.installation.since_s)
