"""Dyno sizes: all that may be wished for. `setpoint gaps` tells what this machine has of it."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write
from setpoint.model.app import DYNO_SIZES
from setpoint.model.errors import NotFound
from setpoint.policy.names import shortened


async def listed(call: Call) -> tuple[shapes.DynoSize, ...]:
    return tuple(write.dyno_size(size) for size in DYNO_SIZES.values())


async def info(call: Call) -> shapes.DynoSize:
    wanted = call.param("size")
    for size in await listed(call):
        if wanted == size.id or wanted.lower() == size.name.lower():
            return size
    raise NotFound(f"cannot see size '{shortened(wanted)}': there is none of that name")


async def of_app(call: Call) -> tuple[shapes.DynoSize, ...]:
    """Those that this machine has the memory for."""
    await find.app(call)
    offered = call.services.capabilities().sizes
    return tuple(write.dyno_size(size) for size in DYNO_SIZES.values() if size.name in offered)
