"""Facts about the database itself."""

from setpoint.store.sqlite.connection import Connection

INCARNATION = "incarnation"
KEY_CHECK = "key_check"
ACTS_SEEN = "acts_seen"
EVENT_FLOOR = "event_floor"
TENURE = "tenure"
TOLD_UP_TO = "told_up_to"
CLOCK = "clock"


def get(db: Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row is not None else None


def put(db: Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
