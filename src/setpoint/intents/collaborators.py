"""Who may do what to an app, besides its owner and administrators."""

import msgspec

from setpoint.intents import accounts
from setpoint.intents.door import Door, app_to, change
from setpoint.model.account import Role
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Conflict
from setpoint.policy import accounts as policy
from setpoint.policy.names import shortened

VERB = "give access to"


async def grant(
    door: Door, asked: Asked, name: str, said: str, role: Role, *, new: bool | None = None
) -> tuple[Unit, str]:
    """(the app, the email as it is kept). `new`: refuse who has a role already; False: who has
    none; None: both will do."""
    unit = await app_to(door, asked, VERB, name)
    failing = f"cannot {VERB} '{name}'"
    account = await accounts.known(door, said, failing)
    email, before = account.email, unit.intent.access.get(account.email)
    if email == unit.owner:
        raise Conflict(f"{failing}: {email} owns it")
    if before is None and new is False:
        raise policy.no_collaborator(name, email)
    if before is not None and new:
        # By these words Terraform's provider knows that it may go on with who is there.
        told = f"{email} is already a collaborator on app '{name}'"
        raise Conflict(f"{failing}: {told}", f"see: setpoint access {name}")
    if before == role:
        return unit, email
    after: dict[str, Role] = {**unit.intent.access, email: role}
    policy.check_count(name, len(after))
    told = f"Let {email} {role}"
    return await _set(door, asked, unit, after, told), email


async def withdraw(door: Door, asked: Asked, name: str, said: str) -> Unit:
    unit = await app_to(door, asked, VERB, name)
    email = policy.email(said, f"cannot change the access to '{name}'")
    if email not in unit.intent.access:
        raise policy.no_collaborator(name, shortened(said))
    after: dict[str, Role] = {
        known: role for known, role in unit.intent.access.items() if known != email
    }
    return await _set(door, asked, unit, after, f"Remove collaborator {email}")


async def _set(door: Door, asked: Asked, unit: Unit, after: dict[str, Role], told: str) -> Unit:
    intent = msgspec.structs.replace(unit.intent, access=after)
    return await change(door, asked, VERB, told, unit, intent)
