"""Collaborators: whoever created an app, as long as there is one account."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write


async def listed(call: Call) -> tuple[shapes.Collaborator, ...]:
    return (write.owner(await find.app(call)),)
