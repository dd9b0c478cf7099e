"""Who may sign in besides the installation itself, and with what."""

import msgspec

from setpoint.intents.door import Door
from setpoint.model.account import INSTALLATION, Account, digest
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Forbidden, Invalid, NotFound
from setpoint.policy import access, words
from setpoint.policy import accounts as policy
from setpoint.policy.names import shortened
from setpoint.store.port import UnitWrite

ADD, REMOVE, ALTER = "add the account", "remove the account", "alter the account"
PASSWORD = "make a password for"


async def add(door: Door, asked: Asked, said: str, *, admin: bool) -> Account:
    """It has no password yet. Raises Conflict where there is one already."""
    access.authorise(asked.actor, ADD, said)
    failing = f"cannot {ADD} '{shortened(said)}'"
    email = policy.email(said, failing)
    policy.check_new(email, failing)
    account = Account(door.new_id(), email, admin, asked.at_s)
    told = f"Add {'administrator' if admin else 'account'} {email}"
    await door.store.commit_people(_accepted(asked), ADD, told, [account])
    return account


async def alter(door: Door, asked: Asked, said: str, *, admin: bool) -> Account:
    """Makes an administrator of somebody, or no more one."""
    access.authorise(asked.actor, ALTER, said)
    account = await known(door, said, f"cannot {ALTER} '{shortened(said)}'")
    if account.admin == admin:
        return account
    after = msgspec.structs.replace(account, admin=admin)
    told = f"Make {account.email} {'an administrator' if admin else 'no administrator'}"
    await door.store.commit_people(_accepted(asked), ALTER, told, [after])
    return after


async def remove(door: Door, asked: Asked, said: str) -> Account:
    """All that they signed in with is good for nothing at once. Their roles go too, so that nobody
    who is called so later has them; what they own is left to administrators."""
    access.authorise(asked.actor, REMOVE, said)
    account = await known(door, said, f"cannot {REMOVE} '{shortened(said)}'")
    told, asked = f"Remove account {account.email}", _accepted(asked)
    await door.store.commit_people(asked, REMOVE, told, gone=[account])
    units = await door.store.units()
    writes = [
        _without(unit, account.email) for unit in units if account.email in unit.intent.access
    ]
    if writes:
        rest = msgspec.structs.replace(asked, idempotency_key="")
        done = await door.store.commit(rest, REMOVE, f"Remove collaborator {account.email}", writes)
        for unit in done.units:
            door.wake(unit.id)
    return account


def _without(unit: Unit, email: str) -> UnitWrite:
    kept = {known: role for known, role in unit.intent.access.items() if known != email}
    return UnitWrite(msgspec.structs.replace(unit.intent, access=kept), unit.rev)


async def make_password(door: Door, asked: Asked, said: str) -> str:
    """A new one, told this once; the old one is good no more. Anybody may make their own."""
    access.authorise(asked.actor, PASSWORD, said)
    failing = f"cannot {PASSWORD} '{shortened(said)}'"
    if asked.actor.reach != "all" and policy.email(said, failing) != asked.actor.email:
        raise Forbidden(f"{failing}: that is somebody else")
    account = await known(door, said, failing)
    password = door.new_token()
    after = msgspec.structs.replace(account, password=digest(password))
    told = f"Make a password for {account.email}"
    await door.store.commit_people(_accepted(asked), PASSWORD, told, [after])
    return password


async def known(door: Door, said: str, failing: str) -> Account:
    """Raises NotFound, Invalid."""
    email = policy.email(said, failing)
    if email == INSTALLATION:
        raise Invalid(
            f"{failing}: that is the installation itself",
            "it signs in with the token in its data directory",
        )
    account = await door.store.account(email)
    if account is None:
        raise NotFound(
            f"{failing}: there is no such account",
            f"an administrator adds it: setpoint users --add {email}",
        )
    return account


def _accepted(asked: Asked) -> Asked:
    return words.accepted(words.linked(asked))
