"""One's own SSH keys. They are kept and told, and open nothing: git is https here."""

from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.formats.heroku import credentials, read, shapes
from setpoint.intents import ssh_keys as intents
from setpoint.model.errors import NotFound


async def listed(call: Call) -> tuple[shapes.SshKey, ...]:
    found = await call.services.store.ssh_keys(call.asked.actor.email)
    return tuple(credentials.ssh_key(key) for key in found)


async def info(call: Call) -> shapes.SshKey:
    try:
        key = await intents.own(call.services.door, call.asked, call.param("key"))
    except NotFound as error:
        raise _no_such(error) from None
    return credentials.ssh_key(key)


async def add(call: Call, body: read.NewSshKey) -> shapes.SshKey:
    key = await intents.add(call.services.door, call.asked, body.public_key)
    return credentials.ssh_key(key)


async def remove(call: Call) -> shapes.SshKey:
    try:
        key = await intents.remove(call.services.door, call.asked, call.param("key"))
    except NotFound as error:
        raise _no_such(error) from None
    return credentials.ssh_key(key)


def _no_such(error: NotFound) -> NoSuch:
    return NoSuch(error.message, error.hint, resource="key")
