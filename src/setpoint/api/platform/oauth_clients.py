"""One's own OAuth clients. They are kept and told; nobody is asked to let one act for them."""

from collections.abc import Awaitable

from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.formats.heroku import credentials, read, shapes
from setpoint.intents import oauth_clients as intents
from setpoint.model.errors import NotFound


async def listed(call: Call) -> tuple[shapes.OAuthClient, ...]:
    found = await intents.listed(call.services.door, call.asked)
    return tuple(_shape(shown) for shown in found)


async def info(call: Call) -> shapes.OAuthClient:
    return await _found(intents.own(call.services.door, call.asked, call.param("client")))


async def create(call: Call, body: read.NewOAuthClient) -> shapes.OAuthClient:
    door = call.services.door
    return _shape(await intents.create(door, call.asked, body.name, body.redirect_uri))


async def patch(call: Call, body: read.OAuthClientPatch) -> shapes.OAuthClient:
    door, id = call.services.door, call.param("client")
    return await _found(intents.update(door, call.asked, id, body.name, body.redirect_uri))


async def rotate(call: Call) -> shapes.OAuthClient:
    return await _found(intents.rotate(call.services.door, call.asked, call.param("client")))


async def destroy(call: Call) -> shapes.OAuthClient:
    return await _found(intents.destroy(call.services.door, call.asked, call.param("client")))


async def _found(asking: Awaitable[intents.Shown]) -> shapes.OAuthClient:
    try:
        return _shape(await asking)
    except NotFound as error:
        raise NoSuch(error.message, error.hint, resource="oauth_client") from None


def _shape(shown: intents.Shown) -> shapes.OAuthClient:
    return credentials.oauth_client(shown.client, shown.secret)
