"""Log drains: found by id, token, or the whole address as one segment of the path."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import drains as intents
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.views import drains
from setpoint.views.drains import DrainTold


async def listed(call: Call) -> tuple[shapes.LogDrain, ...]:
    """Whole addresses are for who may set them."""
    unit = await find.app(call)
    now_s = call.asked.at_s
    told = await drains.drains(call.services.store, call.asked.actor, unit, now_s)
    return tuple(_shape(unit, d) for d in told)


async def info(call: Call) -> shapes.LogDrain:
    unit = await find.app(call)
    return _shape(unit, await _found(call, unit))


async def add(call: Call, body: read.NewLogDrain) -> shapes.LogDrain:
    unit = await find.app(call, intents.ADD)
    unit, id = await intents.add(call.services.door, call.asked, unit.name, body.url)
    return _shape(unit, await _told(call, unit, id))


async def remove(call: Call) -> shapes.LogDrain:
    unit = await find.app(call, intents.REMOVE)
    found = await _found(call, unit)
    await intents.remove(call.services.door, call.asked, unit.name, found.id)
    return _shape(unit, found)


async def _found(call: Call, unit: Unit) -> DrainTold:
    try:
        return await _told(call, unit, call.param("drain"))
    except NotFound as error:
        raise NoSuch(error.message, resource="log_drain") from None


async def _told(call: Call, unit: Unit, wanted: str) -> DrainTold:
    return await drains.drain(call.services.store, call.asked.actor, unit, wanted, call.asked.at_s)


def _shape(unit: Unit, told: DrainTold) -> shapes.LogDrain:
    return write.log_drain(unit, told.id, told.token, told.url, told.since_s)
