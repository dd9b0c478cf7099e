"""Who may do what to an app: one role each, which Heroku says as a set of permissions."""

from typing import Literal

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import collaborators as intents
from setpoint.model.account import Role
from setpoint.model.app import Unit


class Has(msgspec.Struct, frozen=True):
    email: str
    role: Role | Literal["owner"]


class RoleSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


async def listed(call: Call) -> tuple[Has, ...]:
    """The owner first. Administrators may manage every app, and are not listed."""
    unit = await find.app(call)
    others = (Has(email, role) for email, role in sorted(unit.intent.access.items()))
    return (Has(unit.owner, "owner"), *others)


async def put(call: Call, body: RoleSaid) -> Has:
    unit = await _app(call)
    door, email = call.services.door, call.param("email")
    _, email = await intents.grant(door, call.asked, unit.name, email, body.role)
    return Has(email, body.role)


async def remove(call: Call) -> tuple[Has, ...]:
    unit = await _app(call)
    await intents.withdraw(call.services.door, call.asked, unit.name, call.param("email"))
    return await listed(call)


async def _app(call: Call) -> Unit:
    return await find.app(call, intents.VERB)
