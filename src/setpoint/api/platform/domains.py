"""Domains: the one host that each app has of itself."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write
from setpoint.model.errors import NotFound
from setpoint.policy.names import shortened


async def listed(call: Call) -> tuple[shapes.Domain, ...]:
    unit = await find.app(call)
    return (write.domain(unit, f"{unit.name}.{call.services.installation.host_suffix}"),)


async def info(call: Call) -> shapes.Domain:
    (only,) = await listed(call)
    wanted = call.param("domain")
    if wanted not in (only.hostname, only.id):
        raise NotFound(
            f"cannot find domain '{shortened(wanted)}': {only.app.name} has {only.hostname}"
        )
    return only
