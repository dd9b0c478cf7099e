"""Who is told of what happens to an app, and what they were told."""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.errors import NotFound
from setpoint.model.webhook import Delivery
from setpoint.policy import access
from setpoint.store.port import Store

SET = "add a webhook to"
"""Who may do that sees whole addresses; nobody sees a secret again."""


class WebhookTold(msgspec.Struct, frozen=True):
    id: str
    include: tuple[str, ...]
    level: str
    url: str
    since_s: float


async def webhooks(store: Store, actor: Actor, unit: Unit) -> tuple[WebhookTold, ...]:
    """In the order in which they were added."""
    found = sorted(unit.intent.webhooks.items(), key=lambda item: (item[1].since_s, item[0]))
    urls = {id: hook.to for id, hook in found}
    if found and access.may(actor, SET, unit):
        urls = await store.reveal({id: hook.url for id, hook in found})
    return tuple(
        WebhookTold(id, hook.include, hook.level, urls[id], hook.since_s) for id, hook in found
    )


async def webhook(store: Store, actor: Actor, unit: Unit, wanted: str) -> WebhookTold:
    for told in await webhooks(store, actor, unit):
        if told.id == wanted:
            return told
    raise NotFound(f"cannot find that webhook: '{unit.name}' has no such webhook")


async def deliveries(store: Store, unit: Unit) -> tuple[Delivery, ...]:
    """Oldest first."""
    return (await store.notices(unit.id))[::-1]
