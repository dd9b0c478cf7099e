"""Domains: the one host that each app has of itself, and those that it was given."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.platform import sni_endpoints
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import certificates, domains
from setpoint.model.app import Unit
from setpoint.model.errors import Invalid, NotFound
from setpoint.policy.names import shortened
from setpoint.views import lookup


async def listed(call: Call) -> tuple[shapes.Domain, ...]:
    """A domain is `pending` until the edge answers at it."""
    return await _shapes(call, await find.app(call))


async def info(call: Call) -> shapes.Domain:
    return await _found(call, await find.app(call))


async def add(call: Call, body: read.NewDomain) -> shapes.Domain:
    unit = await find.app(call, domains.ADD)
    with_ = sni_endpoints.chosen(unit, body.sni_endpoint)
    door, asked = call.services.door, call.asked
    unit, host = await domains.add(door, asked, unit.name, body.hostname, with_)
    return _custom(call, unit, host, answered=False)


async def patch(call: Call, body: read.DomainPatch) -> shapes.Domain:
    """Serves it with another certificate."""
    unit = await find.app(call, certificates.BIND)
    host = (await _found(call, unit)).hostname
    if host not in unit.intent.domains:
        raise Invalid(f"cannot serve '{host}' with a certificate: the edge makes its own for it")
    name = sni_endpoints.chosen(unit, body.sni_endpoint)
    await certificates.bind(call.services.door, call.asked, unit.name, host, name)
    return await _found(call, await find.app(call))


async def remove(call: Call) -> shapes.Domain:
    unit = await find.app(call, domains.REMOVE)
    found = await _found(call, unit)
    await domains.remove(call.services.door, call.asked, unit.name, found.hostname)
    return found


async def _found(call: Call, unit: Unit) -> shapes.Domain:
    wanted = call.param("domain")
    for domain in await _shapes(call, unit):
        if wanted in (domain.hostname, domain.id):
            return domain
    raise NotFound(f"cannot find domain '{shortened(wanted)}': '{unit.name}' has no such domain")


async def _shapes(call: Call, unit: Unit) -> tuple[shapes.Domain, ...]:
    _, seen = await lookup.seen(call.services.store, unit.id)
    facts = seen.route
    backends = facts.route.backends if facts is not None and facts.acked else ()
    answered = {host for backend in backends for host in backend.hosts}
    custom = (_custom(call, unit, h, answered=h in answered) for h in unit.intent.domains)
    return (write.domain(unit, _home(call, unit)), *custom)


def _custom(call: Call, unit: Unit, host: str, *, answered: bool) -> shapes.Domain:
    return write.custom_domain(unit, host, target=_home(call, unit), answered=answered)


def _home(call: Call, unit: Unit) -> str:
    return f"{unit.name}.{call.services.installation.host_suffix}"
