"""Releases: what ran, what runs."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write


async def listed(call: Call) -> tuple[shapes.Release, ...]:
    """Oldest first; clients that want the newest ask for `order=desc`."""
    unit = await find.app(call)
    return write.releases(unit, await call.services.store.releases(unit.id))[::-1]


async def info(call: Call) -> shapes.Release:
    unit = await find.app(call)
    wanted = await find.release(call, unit)
    rows = write.releases(unit, await call.services.store.releases(unit.id))
    return next(r for r in rows if r.version == wanted.version)
