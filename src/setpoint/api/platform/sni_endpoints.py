"""Certificates of an app's own domains, as Heroku calls them: SNI endpoints."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.drivers import roots
from setpoint.formats import certificates as pems
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import certificates
from setpoint.model.app import Unit
from setpoint.policy.names import shortened
from setpoint.views import secrets


async def listed(call: Call) -> tuple[shapes.SniEndpoint, ...]:
    unit = await find.app(call)
    return tuple([await _shape(call, unit, name) for name in sorted(unit.intent.certificates)])


async def info(call: Call) -> shapes.SniEndpoint:
    unit = await find.app(call)
    return await _shape(call, unit, _named(unit, call.param("endpoint")))


async def add(call: Call, body: read.NewSniEndpoint) -> shapes.SniEndpoint:
    unit = await find.app(call, certificates.ADD)
    unit, name = await certificates.add(call.services.door, call.asked, unit.name, _brought(body))
    return await _shape(call, unit, name)


async def update(call: Call, body: read.NewSniEndpoint) -> shapes.SniEndpoint:
    unit = await find.app(call, certificates.ALTER)
    name = _named(unit, call.param("endpoint"))
    door, asked = call.services.door, call.asked
    unit = await certificates.update(door, asked, unit.name, name, _brought(body))
    return await _shape(call, unit, name)


async def remove(call: Call) -> shapes.SniEndpoint:
    unit = await find.app(call, certificates.REMOVE)
    name = _named(unit, call.param("endpoint"))
    answer = await _shape(call, unit, name)
    await certificates.remove(call.services.door, call.asked, unit.name, name)
    return answer


def chosen(unit: Unit, wanted: str | None) -> str | None:
    """By name or id, as a domain names its own. Raises NoSuch."""
    return _named(unit, wanted) if wanted is not None else None


def _brought(body: read.NewSniEndpoint) -> certificates.Brought:
    return certificates.Brought(body.certificate_chain, body.private_key, roots.trusted())


def _named(unit: Unit, wanted: str) -> str:
    for name in unit.intent.certificates:
        if wanted in (name, write.certificate_id(unit, name)):
            return name
    raise NoSuch(
        f"cannot find certificate '{shortened(wanted)}': '{unit.name}' has no such one",
        f"see: heroku certs -a {unit.name}",
        resource="sni_endpoint",
    )


async def _shape(call: Call, unit: Unit, name: str) -> shapes.SniEndpoint:
    pem = await secrets.certificate(call.services.store, call.asked.actor, unit, name)
    return write.certificate(unit, name, pems.split(pem)[0])
