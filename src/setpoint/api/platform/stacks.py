"""Stacks, regions and generations: this machine is one of each, though its region may have a name
of the operator's beside its own."""

from collections.abc import Sequence
from typing import cast

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write
from setpoint.model.errors import Invalid, NotFound
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
    names, since_s = call.services.capabilities().regions, call.services.installation.since_s
    return tuple(write.region(name, since_s) for name in names)


async def region(call: Call) -> shapes.Region:
    found = await regions(call)
    for one in found:
        if call.param("region") in (one.name, one.id):
            return one
    names = " and ".join(one.name for one in found)
    raise NotFound(f"cannot see region '{shortened(call.param('region'))}': there is only {names}")


def named(said: object, offered: Sequence[str]) -> str:
    """The name of the region somebody means; '' where they mean none. Heroku's clients say it by
    name, by id, or as an object with one of them. Raises Invalid of anything else."""
    if isinstance(said, dict):
        told = cast("dict[str, object]", said)
        said = told.get("name") or told.get("id") or told
    if not isinstance(said, str | None):
        raise Invalid(
            "cannot read the request body: region is neither a name nor an id",
            'say "eu", or {"name": "eu"}',
        )
    by_id = {write.derived("region", name): name for name in offered}
    return by_id.get(said or "", said or "")
