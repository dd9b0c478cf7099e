"""Signing in and out. There is one token per installation so far: who has it may sign in with it as
password, and signing out forgets it on the caller's side only."""

from setpoint.api import headers
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch, Unsupported
from setpoint.api.platform import unsupported
from setpoint.formats.heroku import read, shapes, write


async def sign_in(call: Call, body: read.NewAuthorization) -> shapes.Authorization:
    """`heroku login -i` sends name and password here, once; every other token is one more token,
    which there is not."""
    sent = call.request.headers.get("authorization", "")
    if not headers.is_password(sent):
        raise Unsupported(
            "cannot create an authorization: Setpoint has one token per installation so far",
            "`setpoint env --token` shows how to use it",
            unsupported.url(call),
        )
    description = headers.text(body.description or "")[:500]
    return write.authorization(call.asked.actor, headers.token(sent), description, call.asked.at_s)


async def authorizations(call: Call) -> tuple[shapes.Authorization, ...]:
    """None: what is listed here is revoked by Heroku's clients when they sign out, and the token
    of an installation must outlive that."""
    return ()


async def authorization(call: Call) -> shapes.Authorization:
    raise NoSuch("cannot see that authorization: Setpoint keeps none", resource="authorization")


async def sign_out(call: Call) -> shapes.Nothing:
    raise NoSuch("cannot end the session: Setpoint keeps none", resource="session")
