"""Stacks, regions and generations: this machine is one of each."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write
from setpoint.model.errors import NotFound
from setpoint.policy.names import shortened


async def listed(call: Call) -> tuple[shapes.Stack, ...]:
    here = call.services
    return (write.stack(here.capabilities().stack, here.installation.since_s),)


async def info(call: Call) -> shapes.Stack:
    (only,) = await listed(call)
    if call.param("stack") not in (only.name, only.id):
        raise NotFound(
            f"cannot see stack '{shortened(call.param('stack'))}': this machine has {only.name}"
        )
    return only


async def of_app(call: Call) -> tuple[shapes.Stack, ...]:
    await find.app(call)
    return await listed(call)


async def generations(call: Call) -> tuple[shapes.Generation, ...]:
    return (write.generation(call.services.installation.since_s),)


async def generation(call: Call) -> shapes.Generation:
    (only,) = await generations(call)
    if call.param("generation") not in (only.name, only.id):
        raise NotFound(
            f"cannot see generation '{shortened(call.param('generation'))}': "
            f"there is only {only.name}"
        )
    return only


async def regions(call: Call) -> tuple[shapes.Region, ...]:
    return (write.region(call.services.installation.since_s),)


async def region(call: Call) -> shapes.Region:
    (only,) = await regions(call)
    if call.param("region") not in (only.name, only.id):
        raise NotFound(
            f"cannot see region '{shortened(call.param('region'))}': there is only {only.name}"
        )
    return only
