"""Authorizations and sessions, as Heroku calls tokens and those that somebody signed in with."""

import msgspec

from setpoint.api import headers, signing
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch, Unauthorized
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import tokens
from setpoint.model.account import Token, digest
from setpoint.model.change import Asked
from setpoint.model.errors import NotFound
from setpoint.views import actors

ITSELF = "~"


async def create(call: Call, body: read.NewAuthorization) -> shapes.Authorization:
    """The only door that takes a password: `heroku login -i` sends it here, once. With a token it
    makes one more. What it answers with is told this once."""
    name, _ = headers.basic(_sent(call))
    asked = await _asked(call)
    wish = tokens.Wish(
        description=headers.text(body.description or ""),
        scopes=body.scope or (),
        expires_in_s=body.expires_in_s,
        login=bool(name),
    )
    made = await tokens.make(call.services.door, asked, wish)
    return _shape(call, made.token, made.secret)


async def listed(call: Call) -> tuple[shapes.Authorization, ...]:
    """One's own; the installation's token is none of them, as it must outlive every sign-out."""
    return tuple(_shape(call, token) for token in await _own(call))


async def info(call: Call) -> shapes.Authorization:
    """`~` is none: Heroku's clients would never revoke what they are told there."""
    return _shape(call, await _found(call, "authorization"))


async def patch(call: Call, body: read.AuthorizationPatch) -> shapes.Authorization:
    token = await _found(call, "authorization")
    if body.description is None:
        return _shape(call, token)
    said = headers.text(body.description)
    return _shape(call, await tokens.describe(call.services.door, call.asked, token.id, said))


async def rotate(call: Call) -> shapes.Authorization:
    token = await _found(call, "authorization")
    made = await tokens.rotate(call.services.door, call.asked, token.id)
    return _shape(call, made.token, made.secret)


async def revoke(call: Call) -> shapes.Authorization:
    token = await _found(call, "authorization")
    return _shape(call, await _revoked(call, token))


async def sessions(call: Call) -> tuple[shapes.Session, ...]:
    at_s = call.asked.at_s
    return tuple(write.session(token, at_s) for token in await _own(call) if token.login)


async def sign_out(call: Call) -> shapes.Session:
    """`~`: that of the token the request came with, if it is one that somebody signed in with."""
    token = await _found(call, "session")
    return write.session(await _revoked(call, token), call.asked.at_s)


async def _asked(call: Call) -> Asked:
    """As the person that what was sent stands for. Raises Unauthorized."""
    sent = _sent(call)
    actor = await signing.actor(call.services, headers.token(sent))
    name, password = headers.basic(sent)
    if actor is None and name:
        actor = await actors.by_password(call.services.store, name, password)
    if actor is None:
        raise Unauthorized(
            "cannot sign in: the email or the password is wrong, or the token is unknown",
            "an administrator makes a password: setpoint users --password EMAIL",
        )
    return msgspec.structs.replace(call.asked, actor=actor)


async def _revoked(call: Call, token: Token) -> Token:
    shown = headers.token(_sent(call))
    return await tokens.revoke(call.services.door, call.asked, token.id, shown)


async def _own(call: Call) -> tuple[Token, ...]:
    found = await call.services.store.tokens(call.asked.actor.email)
    return tuple(t for t in found if not t.expired(call.asked.at_s))


async def _found(call: Call, resource: str) -> Token:
    wanted, shown = call.param("id"), digest(headers.token(_sent(call)))
    if resource == "session" and wanted == ITSELF:
        for token in await _own(call):
            if token.login and token.digest == shown:
                return token
    try:
        return await tokens.own(call.services.door, call.asked, wanted)
    except NotFound as error:
        raise NoSuch(error.message, error.hint, resource=resource) from None


def _sent(call: Call) -> str:
    return call.request.headers.get("authorization", "")


def _shape(call: Call, token: Token, secret: str = "") -> shapes.Authorization:
    return write.authorization(token, secret, call.asked.at_s)
