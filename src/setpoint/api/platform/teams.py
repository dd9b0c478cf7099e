"""The installation as a team: its accounts are the members, and every app is in it. That is what
Heroku's command line asks before it lets anybody say permissions."""

from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.api.platform import apps
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import accounts as intents
from setpoint.model.account import INSTALLATION, ROLES, Account
from setpoint.model.errors import Invalid
from setpoint.policy.names import shortened
from setpoint.views import accounts

ADMIN, MEMBER = "admin", "member"
NO_PASSWORD = "no password yet; make one: setpoint users --password {email}"


async def listed(call: Call) -> tuple[shapes.Team, ...]:
    return (_team(call),)


async def info(call: Call) -> shapes.Team:
    return _named(call)


async def features(call: Call) -> tuple[shapes.Feature, ...]:
    """That permissions are said at all."""
    _named(call)
    at = write.when(call.services.installation.since_s)
    return (shapes.Feature(write.derived("feature", write.ACCESS), write.ACCESS, at, at),)


async def permissions(call: Call) -> tuple[shapes.Permission, ...]:
    return tuple(write.permission(role) for role in ROLES)


async def none(call: Call) -> tuple[shapes.Nothing, ...]:
    _named(call)
    return ()


async def listed_apps(call: Call) -> tuple[shapes.App, ...]:
    _named(call)
    return await apps.listed(call)


async def members(call: Call) -> tuple[shapes.Member, ...]:
    _named(call)
    found = await accounts.accounts(call.services.store, call.asked.actor)
    since_s = call.services.installation.since_s
    own = Account("", INSTALLATION, True, since_s, b"")
    return tuple(write.member(account) for account in (own, *found))


async def put_member(call: Call, body: read.Member) -> shapes.Member:
    """Adds them, or makes them another role's."""
    _named(call)
    door, asked, admin = call.services.door, call.asked, _is_admin(body)
    if await accounts.known(call.services.store, asked.actor, body.email) is None:
        account = await intents.add(door, asked, body.email, admin=admin)
        call.headers["Warning-Message"] = NO_PASSWORD.format(email=account.email)
    else:
        account = await intents.alter(door, asked, body.email, admin=admin)
    return write.member(account)


async def patch_member(call: Call, body: read.Member) -> shapes.Member:
    _named(call)
    account = await intents.alter(call.services.door, call.asked, body.email, admin=_is_admin(body))
    return write.member(account)


async def remove_member(call: Call) -> shapes.Member:
    """By email or id."""
    _named(call)
    wanted = call.param("member")
    found = await accounts.accounts(call.services.store, call.asked.actor)
    email = next((m.email for m in found if wanted in (m.email, write.member(m).id)), None)
    if email is None:
        raise NoSuch(f"cannot remove '{shortened(wanted)}': no such member", resource="team_member")
    return write.member(await intents.remove(call.services.door, call.asked, email))


def _is_admin(body: read.Member) -> bool:
    if body.role not in (ADMIN, MEMBER):
        raise Invalid(
            f"cannot make '{shortened(body.email)}' a '{shortened(body.role)}': no such role",
            f"there are: {ADMIN}, {MEMBER}",
        )
    return body.role == ADMIN


def _named(call: Call) -> shapes.Team:
    team, wanted = _team(call), call.param("team")
    if wanted not in (team.name, team.id):
        raise NoSuch(
            f"cannot see team '{shortened(wanted)}': there is only {team.name}", resource="team"
        )
    return team


def _team(call: Call) -> shapes.Team:
    admin = call.asked.actor.reach == "all"
    return write.team(call.services.installation.since_s, ADMIN if admin else MEMBER)
