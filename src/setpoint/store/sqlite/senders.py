"""Apps of which something is sent elsewhere, and how far that has come."""

from collections.abc import Sequence

import msgspec

from setpoint.model.app import AppIntent
from setpoint.model.drain import Shipped
from setpoint.model.ids import AppId
from setpoint.store.sqlite import notices
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_shipped = reader(Shipped, "what a drain has sent")


def note(db: Connection, before: AppIntent | None, after: AppIntent) -> None:
    """Costs nothing where nothing of it is sent, before or after."""
    if after.sends:
        db.execute("INSERT OR IGNORE INTO sender (unit) VALUES (?)", (after.id,))
        if after.webhooks:
            notices.begin(db)
    elif before is not None and before.sends:
        db.execute("DELETE FROM sender WHERE unit = ?", (after.id,))


def every(db: Connection) -> dict[AppId, int]:
    rows = db.execute("SELECT u.id, u.rev FROM sender s JOIN unit u ON u.id = s.unit")
    return {AppId(id): rev for id, rev in rows}


def shipped(db: Connection, app: AppId | None) -> tuple[Shipped, ...]:
    rows = db.execute(
        "SELECT body FROM shipped WHERE ?1 IS NULL OR unit = ?1 ORDER BY drain", (app,)
    )
    return tuple(_shipped(body) for (body,) in rows)


def record(db: Connection, states: Sequence[Shipped], gone: Sequence[str]) -> None:
    for state in states:
        db.execute(
            "INSERT OR REPLACE INTO shipped (drain, unit, body) VALUES (?, ?, ?)",
            (state.drain, state.app, msgspec.json.encode(state)),
        )
    for drain in gone:
        db.execute("DELETE FROM shipped WHERE drain = ?", (drain,))


def forget(db: Connection, app: AppId) -> None:
    db.execute("DELETE FROM sender WHERE unit = ?", (app,))
    db.execute("DELETE FROM shipped WHERE unit = ?", (app,))
    notices.forget(db, app)
