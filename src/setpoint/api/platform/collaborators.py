"""Who may do what to an app, in Heroku's words: of one that is somebody's own, and of one that is a
team's, where permissions are said."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import collaborators as intents
from setpoint.model.account import Role
from setpoint.model.app import Unit
from setpoint.policy import accounts as policy
from setpoint.policy.names import shortened
from setpoint.views import accounts

UNSAID = (
    "{email} may {role} '{app}' now, since no permissions were sent; "
    "less: setpoint access {app} --add {email} --role view"
)
"""Heroku's command line before 11 leaves out what `-p` says, and tells nobody."""


FORGETS = "Couldn't find that user"
"""By these words Terraform's provider knows that they are gone, and forgets them."""


async def listed(call: Call) -> tuple[shapes.Collaborator, ...]:
    """The owner first. One who is an administrator too is called so: Heroku's client lists those
    of the team by themselves."""
    unit = await find.app(call)
    first = write.owner(unit, admin=await accounts.is_admin(call.services.store, unit.owner))
    others = (write.collaborator(unit, *pair) for pair in sorted(unit.intent.access.items()))
    return (first, *others)


async def info(call: Call) -> shapes.Collaborator:
    wanted = call.param("collaborator")
    for found in await listed(call):
        if wanted in (found.id, found.user.id, found.user.email):
            return found
    raise NoSuch(
        f"cannot find collaborator '{shortened(wanted)}': {FORGETS} with access here",
        resource="collaborator",
    )


async def add(call: Call, body: read.NewCollaborator) -> shapes.Collaborator:
    unit, role = await _said(call, body.permissions)
    door, asked = call.services.door, call.asked
    unit, email = await intents.grant(door, asked, unit.name, body.user, role, new=True)
    if body.permissions is None:
        call.headers["Warning-Message"] = UNSAID.format(email=email, role=role, app=unit.name)
    return write.collaborator(unit, email, role)


async def patch(call: Call, body: read.Permissions) -> shapes.Collaborator:
    unit, role = await _said(call, body.permissions)
    email = (await info(call)).user.email
    door, asked = call.services.door, call.asked
    unit, email = await intents.grant(door, asked, unit.name, email, role, new=False)
    return write.collaborator(unit, email, role)


async def remove(call: Call) -> shapes.Collaborator:
    unit = await find.app(call, intents.VERB)
    found = await info(call)
    await intents.withdraw(call.services.door, call.asked, unit.name, found.user.email)
    return found


async def _said(call: Call, permissions: tuple[str, ...] | None) -> tuple[Unit, Role]:
    unit = await find.app(call, intents.VERB)
    return unit, policy.role(permissions, f"cannot {intents.VERB} '{unit.name}'")
