"""Config vars. Values are secrets, so reading them takes a token that may write."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import config
from setpoint.views import secrets


async def listed(call: Call) -> dict[str, str]:
    unit = await find.app(call, "read the config vars of")
    return await secrets.config(call.services.store, call.asked.actor, unit.name)


async def patch(call: Call, body: dict[str, str | None]) -> dict[str, str]:
    """null unsets. Answers the whole map after the change; an empty patch changes nothing."""
    unit = await find.app(call, "configure")
    await config.patch(call.services.door, call.asked, unit.name, body)
    return await listed(call)
