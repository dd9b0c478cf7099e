"""The outbox: what happened, in order, written by the transaction that made it happen.

On SQLite the cursor is a plain integer without gaps: one writer, so numbers appear in their order.
"""

import msgspec

from setpoint.store.port import Event
from setpoint.store.sqlite.connection import Connection


def append(db: Connection, unit: str, type_: str, **facts: object) -> None:
    db.execute(
        "INSERT INTO event (unit, type, body) VALUES (?, ?, ?)",
        (unit, type_, msgspec.json.encode(facts)),
    )


def read(db: Connection, after: int, limit: int) -> tuple[Event, ...]:
    rows = db.execute(
        "SELECT cursor, unit, type, body FROM event WHERE cursor > ? ORDER BY cursor LIMIT ?",
        (after, limit),
    )
    return tuple(Event(*row) for row in rows)
