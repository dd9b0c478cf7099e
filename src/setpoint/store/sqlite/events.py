"""The outbox: what happened, in order, written by the transaction that made it happen.

On SQLite the cursor is a plain integer without gaps: one writer, so numbers appear in their order.
"""

import msgspec

from setpoint.store.port import Event
from setpoint.store.sqlite import meta
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


def bounds(db: Connection) -> tuple[int, int]:
    """(the newest cursor that is not kept any more, the newest there is)."""
    gone = floor(db)
    newest = db.execute("SELECT coalesce(max(cursor), 0) FROM event").fetchone()[0]
    return gone, max(gone, int(newest))


def floor(db: Connection) -> int:
    return int(meta.get(db, meta.EVENT_FLOOR) or 0)
