"""Webhooks as Heroku sends them: the body of one attempt, and its signature."""

import base64
import hmac
from typing import Any

import msgspec

from setpoint.formats.heroku.write import derived
from setpoint.model.webhook import Delivery

VERSION = "application/vnd.heroku+json; version=3"


def body(delivery: Delivery) -> bytes:
    """Equal for each repetition of the same attempt, whoever makes it."""
    metadata: dict[str, Any] = {
        "attempt": {"id": attempt_id(delivery, delivery.attempts + 1)},
        "delivery": {"id": delivery.id},
        "event": {"id": delivery.event, "include": delivery.include},
        "webhook": {"id": delivery.webhook},
    }
    return msgspec.json.encode({**delivery.payload, "webhook_metadata": metadata})


def attempt_id(delivery: Delivery, number: int) -> str:
    return derived(delivery.id, "attempt", number)


def headers(content: bytes, secret: str, authorization: str) -> dict[str, str]:
    signed = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
    said = {"Authorization": authorization} if authorization else {}
    return {
        "Content-Type": "application/json",
        "User-Agent": "Heroku-Webhooks (setpoint)",
        "Heroku-Webhook-Hmac-SHA256": signed,
        **said,
    }
