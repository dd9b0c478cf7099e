"""What is told to webhooks. Rows are bounded per app: the oldest that are over go first."""

from collections.abc import Sequence

import msgspec

from setpoint.model.ids import AppId
from setpoint.model.webhook import Delivery
from setpoint.planning.webhooks import AGAIN_S_LONGEST
from setpoint.store.sqlite import meta
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

OVER_KEPT, WAITING_KEPT = 200, 1000
"""of one app"""
READ_MAX = 1000
_read = reader(Delivery, "what is told to a webhook")


def told_up_to(db: Connection) -> int | None:
    said = meta.get(db, meta.TOLD_UP_TO)
    return int(said) if said else None


def begin(db: Connection) -> None:
    """Somebody wants to hear of what happens from here on, who was the first."""
    if not meta.get(db, meta.TOLD_UP_TO):
        newest = db.execute("SELECT coalesce(max(cursor), 0) FROM event").fetchone()[0]
        meta.put(db, meta.TOLD_UP_TO, str(newest))


def record(db: Connection, new: Sequence[Delivery], up_to: int | None) -> None:
    for delivery in new:
        db.execute(
            "INSERT OR IGNORE INTO notice (id, unit, webhook, next_at_s, body) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                delivery.id,
                delivery.app,
                delivery.webhook,
                delivery.next_at_s,
                msgspec.json.encode(delivery),
            ),
        )
    if up_to is not None or not _wanted(db):
        meta.put(db, meta.TOLD_UP_TO, str(up_to) if up_to is not None else "")
    for app in {delivery.app for delivery in new}:
        _prune(db, app, "IS NULL", OVER_KEPT)
        _prune(db, app, "IS NOT NULL", WAITING_KEPT)


def tried(db: Connection, delivery: Delivery) -> None:
    """Nothing, if it is known no longer."""
    db.execute(
        "UPDATE notice SET next_at_s = ?, body = ? WHERE id = ?",
        (delivery.next_at_s, msgspec.json.encode(delivery), delivery.id),
    )


def of_app(db: Connection, app: AppId) -> tuple[Delivery, ...]:
    """Newest first."""
    rows = db.execute(
        "SELECT body FROM notice WHERE unit = ? ORDER BY ord DESC LIMIT ?", (app, READ_MAX)
    )
    return tuple(_read(body) for (body,) in rows)


def due(
    db: Connection, now_s: float, limit: int, busy: Sequence[str]
) -> dict[str, tuple[Delivery, ...]]:
    """By webhook, oldest first, at most `limit` of each. What is to wait longer than anything does
    was put off by a clock that was ahead."""
    found: dict[str, tuple[Delivery, ...]] = {}
    rows = db.execute(
        "SELECT webhook, body FROM notice WHERE (next_at_s <= ?1 OR next_at_s > ?1 + ?4) "
        "AND webhook NOT IN (SELECT value FROM json_each(?2)) ORDER BY ord LIMIT ?3",
        (now_s, msgspec.json.encode(busy).decode(), READ_MAX, AGAIN_S_LONGEST),
    )
    for webhook, body in rows:
        several = found.get(webhook, ())
        if len(several) < limit:
            found[webhook] = (*several, _read(body))
    return found


def forget(db: Connection, app: AppId) -> None:
    db.execute("DELETE FROM notice WHERE unit = ?", (app,))


def _wanted(db: Connection) -> bool:
    """May be by an app whose drains alone are meant: that costs a look."""
    row = db.execute(
        "SELECT 1 FROM sender s JOIN unit u ON u.id = s.unit "
        "WHERE json_valid(CAST(u.intent AS TEXT)) "
        "AND json_extract(CAST(u.intent AS TEXT), '$.webhooks') NOT IN ('{}')"
    ).fetchone()
    return row is not None


def _prune(db: Connection, app: AppId, over: str, kept: int) -> None:
    db.execute(
        f"DELETE FROM notice WHERE unit = ?1 AND next_at_s {over} AND ord NOT IN ("
        f"SELECT ord FROM notice WHERE unit = ?1 AND next_at_s {over} ORDER BY ord DESC LIMIT ?2)",
        (app, kept),
    )
