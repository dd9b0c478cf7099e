"""Webhooks of an app, and what was told to them."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import webhooks as intents
from setpoint.intents.webhooks import Said
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.views import webhooks
from setpoint.views.webhooks import WebhookTold

SECRET = "Heroku-Webhook-Secret"
"""Told once, when it is set."""


async def listed(call: Call) -> tuple[shapes.Webhook, ...]:
    """Whole addresses are for who may set them."""
    unit = await find.app(call)
    told = await webhooks.webhooks(call.services.store, call.asked.actor, unit)
    return tuple(_shape(unit, hook) for hook in told)


async def info(call: Call) -> shapes.Webhook:
    unit = await find.app(call)
    return _shape(unit, await _found(call, unit, call.param("webhook")))


async def add(call: Call, body: read.NewWebhook) -> shapes.Webhook:
    unit = await find.app(call, intents.ADD)
    said = Said(body.include, body.level, body.url, body.secret, body.authorization)
    unit, id, secret = await intents.add(call.services.door, call.asked, unit.name, said)
    call.headers[SECRET] = secret
    return _shape(unit, await _found(call, unit, id))


async def patch(call: Call, body: read.WebhookPatch) -> shapes.Webhook:
    unit = await find.app(call, intents.ALTER)
    id = (await _found(call, unit, call.param("webhook"))).id
    header = body.authorization
    said = Said(
        body.include,
        body.level,
        body.url,
        body.secret,
        header if isinstance(header, str) else "" if header is None else None,
    )
    unit = await intents.alter(call.services.door, call.asked, unit.name, id, said)
    if body.secret:
        call.headers[SECRET] = body.secret
    return _shape(unit, await _found(call, unit, id))


async def remove(call: Call) -> shapes.Webhook:
    unit = await find.app(call, intents.REMOVE)
    found = await _found(call, unit, call.param("webhook"))
    await intents.remove(call.services.door, call.asked, unit.name, found.id)
    return _shape(unit, found)


async def deliveries(call: Call) -> tuple[shapes.WebhookDelivery, ...]:
    """`?eq[status]=`: of this status alone."""
    unit = await find.app(call)
    wanted = call.request.query_params.get("eq[status]")
    told = await webhooks.deliveries(call.services.store, unit)
    return tuple(write.webhook_delivery(d) for d in told if wanted in (None, d.status))


async def delivery(call: Call) -> shapes.WebhookDelivery:
    unit = await find.app(call)
    wanted = call.param("delivery")
    for told in await webhooks.deliveries(call.services.store, unit):
        if told.id == wanted:
            return write.webhook_delivery(told)
    raise _none(unit, "delivery", "app_webhook_delivery")


async def events(call: Call) -> tuple[shapes.WebhookEvent, ...]:
    """What was told to anybody."""
    unit = await find.app(call)
    told = await webhooks.deliveries(call.services.store, unit)
    return tuple({d.event: write.webhook_event(d) for d in told}.values())


async def event(call: Call) -> shapes.WebhookEvent:
    unit = await find.app(call)
    wanted = call.param("event")
    for told in await webhooks.deliveries(call.services.store, unit):
        if told.event == wanted:
            return write.webhook_event(told)
    raise _none(unit, "event", "app_webhook_event")


async def _found(call: Call, unit: Unit, wanted: str) -> WebhookTold:
    try:
        return await webhooks.webhook(call.services.store, call.asked.actor, unit, wanted)
    except NotFound as error:
        raise NoSuch(error.message, resource="app_webhook") from None


def _none(unit: Unit, what: str, resource: str) -> NoSuch:
    return NoSuch(f"cannot find that {what}: '{unit.name}' keeps no such {what}", resource=resource)


def _shape(unit: Unit, told: WebhookTold) -> shapes.Webhook:
    return write.webhook(unit, told.id, told.include, told.level, told.url, told.since_s)
