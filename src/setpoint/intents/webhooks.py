"""Who is told of what happens to an app. Address, secret and authorization are sealed."""

from collections.abc import Sequence

import msgspec

from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import SecretRef, Unit, Webhook
from setpoint.model.change import Asked
from setpoint.model.errors import NotFound
from setpoint.policy import sending

ADD, ALTER, REMOVE = "add a webhook to", "alter a webhook of", "remove a webhook from"


class Said(msgspec.Struct, frozen=True):
    """None: as it is. `authorization` '': none any more."""

    include: Sequence[str] | None = None
    level: str | None = None
    url: str | None = None
    secret: str | None = None
    authorization: str | None = None


async def add(door: Door, asked: Asked, name: str, said: Said) -> tuple[Unit, str, str]:
    """(the app, the webhook's id, its secret: made here if none was said)."""
    unit = await app_to(door, asked, ADD, name)
    failing = f"cannot {ADD} '{name}'"
    sending.check_webhooks(failing, len(unit.intent.webhooks))
    url = said.url or ""
    to = sending.webhook_url(failing, url, door.reachable)
    include = sending.included(failing, said.include or ())
    level = sending.level(failing, said.level or "")
    secret = sending.secret(failing, said.secret) if said.secret else door.new_token()
    values = {"url": url, "secret": secret}
    if said.authorization:
        values["authorization"] = sending.header(failing, said.authorization)
    refs = {what: secrets.next_ref(door, None) for what in values}
    made = Webhook(
        include=include,
        level=level,
        to=to.shown,
        url=refs["url"],
        secret=refs["secret"],
        authorization=refs.get("authorization"),
        since_s=asked.at_s,
    )
    id = door.new_id()
    sealed = {refs[what].key: value for what, value in values.items()}
    told = f"Add webhook to {to.shown}"
    return await _set(door, asked, ADD, unit, id, made, told, sealed), id, secret


async def alter(door: Door, asked: Asked, name: str, id: str, said: Said) -> Unit:
    unit = await app_to(door, asked, ALTER, name)
    failing = f"cannot {ALTER} '{name}'"
    hook = _found(unit, id, failing)
    sealed = dict[str, str]()
    after = hook
    if said.include is not None:
        after = msgspec.structs.replace(after, include=sending.included(failing, said.include))
    if said.level is not None:
        after = msgspec.structs.replace(after, level=sending.level(failing, said.level))
    if said.url is not None:
        to = sending.webhook_url(failing, said.url, door.reachable)
        ref = await _sealed(door, hook.url, said.url, sealed)
        after = msgspec.structs.replace(after, to=to.shown, url=ref)
    if said.secret:
        secret = sending.secret(failing, said.secret)
        after = msgspec.structs.replace(
            after, secret=await _sealed(door, hook.secret, secret, sealed)
        )
    if said.authorization is not None:
        text = sending.header(failing, said.authorization)
        ref = await _sealed(door, hook.authorization, text, sealed) if text else None
        after = msgspec.structs.replace(after, authorization=ref)
    if after == hook:
        return unit
    told = f"Update webhook to {after.to}"
    return await _set(door, asked, ALTER, unit, id, after, told, sealed)


async def remove(door: Door, asked: Asked, name: str, id: str) -> Unit:
    unit = await app_to(door, asked, REMOVE, name)
    gone = _found(unit, id, f"cannot {REMOVE} '{name}'")
    left = {known: hook for known, hook in unit.intent.webhooks.items() if known != id}
    intent = msgspec.structs.replace(unit.intent, webhooks=left)
    return await change(door, asked, REMOVE, f"Remove webhook to {gone.to}", unit, intent)


def _found(unit: Unit, id: str, failing: str) -> Webhook:
    if id not in unit.intent.webhooks:
        raise NotFound(f"{failing}: it has no such webhook")
    return unit.intent.webhooks[id]


async def _sealed(
    door: Door, before: SecretRef | None, value: str, sealed: dict[str, str]
) -> SecretRef:
    """As it was, where the value is the same: what is so already is no Change."""
    if before is not None and (await door.store.reveal({"it": before}))["it"] == value:
        return before
    ref = secrets.next_ref(door, before)
    sealed[ref.key] = value
    return ref


async def _set(
    door: Door,
    asked: Asked,
    verb: str,
    unit: Unit,
    id: str,
    hook: Webhook,
    told: str,
    sealed: dict[str, str],
) -> Unit:
    intent = msgspec.structs.replace(unit.intent, webhooks={**unit.intent.webhooks, id: hook})
    return await change(door, asked, verb, told, unit, intent, sealed)
