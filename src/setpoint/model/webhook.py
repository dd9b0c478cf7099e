"""What was told to somebody's address of what happened to an app."""

from typing import Any, Literal

import msgspec

from setpoint.model.ids import AppId

DeliveryStatus = Literal["pending", "retrying", "failed", "succeeded"]

NAMES = (
    *("api:addon", "api:addon-attachment", "api:app", "api:build", "api:collaborator"),
    *("api:domain", "api:dyno", "api:formation", "api:release", "api:sni-endpoint"),
)
"""What a webhook can be about. Of add-ons and certificates there is nothing to tell here."""
TOLD = frozenset(NAMES) - {"api:addon", "api:addon-attachment", "api:sni-endpoint"}


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to one webhook. `payload` never alters; the rest is what came of it.

    `next_at_s`: when it is tried (again), None once it is over. `error`: of the last attempt, ''
    where it was answered, with `code`. Times are unix seconds.
    """

    id: str
    app: AppId
    webhook: str
    event: str
    include: str
    level: str
    payload: dict[str, Any]
    created_at_s: float
    next_at_s: float | None
    status: DeliveryStatus = "pending"
    attempts: int = 0
    code: int | None = None
    error: str = ""
    attempted_at_s: float | None = None
