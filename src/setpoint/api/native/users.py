"""Accounts of people, and the passwords that are made for them."""

import msgspec

from setpoint.api.call import Call
from setpoint.intents import accounts as intents
from setpoint.model.account import Account
from setpoint.views import accounts


class User(msgspec.Struct, frozen=True):
    """`created_at_s`: unix seconds. `password`: is there one?"""

    email: str
    admin: bool
    created_at_s: float
    password: bool


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    admin: bool = False


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    admin: bool


class Password(msgspec.Struct, frozen=True):
    """Told this once; nobody can read it anywhere afterwards."""

    email: str
    password: str


async def listed(call: Call) -> tuple[User, ...]:
    found = await accounts.accounts(call.services.store, call.asked.actor)
    return tuple(_shown(account) for account in found)


async def add(call: Call, body: NewUser) -> User:
    door, asked = call.services.door, call.asked
    return _shown(await intents.add(door, asked, body.email, admin=body.admin))


async def patch(call: Call, body: UserChange) -> User:
    door, asked = call.services.door, call.asked
    return _shown(await intents.alter(door, asked, call.param("email"), admin=body.admin))


async def remove(call: Call) -> User:
    return _shown(await intents.remove(call.services.door, call.asked, call.param("email")))


async def make_password(call: Call) -> Password:
    email = call.param("email")
    made = await intents.make_password(call.services.door, call.asked, email)
    return Password(email, made)


def _shown(account: Account) -> User:
    made = account.password is not None
    return User(account.email, account.admin, account.created_at_s, made)
