"""What was last concluded about a unit: written only when it changed, and never backwards."""

from collections.abc import Sequence
from typing import Any

import msgspec

from setpoint.model.condition import Condition, settled
from setpoint.model.errors import Unreadable
from setpoint.model.history import Took
from setpoint.model.ids import AppId
from setpoint.planning import damage
from setpoint.store.port import Status
from setpoint.store.sqlite import events
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

TOOK_KEPT = 200
"""per app; only the newest are ever asked for"""

COLUMNS = "observed_generation, conditions, summary, at_s"

_INSERT = """
INSERT OR REPLACE INTO status (unit, observed_generation, conditions, summary, at_s)
SELECT id, ?1, ?2, ?3, ?4 FROM unit WHERE id = ?5 AND forgotten = 0
"""
_UPDATE = """
UPDATE status SET observed_generation = ?, conditions = ?, summary = ?, at_s = ? WHERE unit = ?
"""
"""What is forgotten has no row."""

_decode = reader(tuple[Condition, ...], "a status", again=True)


def get(db: Connection, unit: AppId) -> Status | None:
    row = db.execute(f"SELECT {COLUMNS} FROM status WHERE unit = ?", (unit,)).fetchone()
    return from_row(row) if row is not None else None


def from_row(row: Sequence[Any]) -> Status:
    """`row`: `COLUMNS`. Of what cannot be read nothing is lost: the next pass concludes it anew."""
    generation, conditions, summary, at_s = row
    try:
        return Status(generation, _decode(conditions), summary, at_s)
    except Unreadable:
        return Status(generation, damage.unconcluded(generation, at_s), summary, at_s)


def put(db: Connection, unit: AppId, status: Status) -> None:
    """Nothing for a unit that is forgotten or unknown, nor for what is older or equal."""
    before = get(db, unit)
    if before is not None and (_older(status, before) or _same(status, before)):
        return
    conditions = msgspec.json.encode(status.conditions)
    values = (status.observed_generation, conditions, status.summary, status.at_s, unit)
    if db.execute(_INSERT if before is None else _UPDATE, values).rowcount:
        _tell(db, unit, before, status)
        if settled(status.conditions):
            _remember_settled(db, unit, status)


def took(db: Connection, unit: AppId, limit: int) -> tuple[Took, ...]:
    """Newest first."""
    rows = db.execute(
        "SELECT c.seq, c.verb, s.at_s - c.at_s, s.at_s "
        "FROM settled s JOIN change c ON c.seq = s.change "
        "WHERE s.unit = ? ORDER BY s.change DESC LIMIT ?",
        (unit, limit),
    )
    return tuple(Took(*row) for row in rows)


def _remember_settled(db: Connection, unit: AppId, status: Status) -> None:
    """Only the first time: what drifts later, and is mended, is no Change's doing."""
    row = db.execute(
        "SELECT change FROM change_unit WHERE unit = ? AND generation = ? "
        "ORDER BY rev DESC LIMIT 1",
        (unit, status.observed_generation),
    ).fetchone()
    if row is None:
        return
    done = db.execute(
        "INSERT OR IGNORE INTO settled (unit, change, at_s) VALUES (?, ?, ?)",
        (unit, row[0], status.at_s),
    )
    if done.rowcount:
        db.execute(
            "DELETE FROM settled WHERE unit = ?1 AND change NOT IN ("
            "SELECT change FROM settled WHERE unit = ?1 ORDER BY change DESC LIMIT ?2)",
            (unit, TOOK_KEPT),
        )


def _older(status: Status, before: Status) -> bool:
    return status.observed_generation < before.observed_generation


def _same(status: Status, before: Status) -> bool:
    """But for its time."""
    return (
        status.observed_generation == before.observed_generation
        and status.summary == before.summary
        and status.conditions == before.conditions
    )


def _tell(db: Connection, unit: AppId, before: Status | None, now: Status) -> None:
    """Whoever shows a status hears of every one that is written."""
    old = {c.type: c.status for c in before.conditions} if before is not None else {}
    flips = {c.type: c.status for c in now.conditions if old.get(c.type) != c.status}
    if flips:
        events.append(
            db, unit, "status.flipped", generation=now.observed_generation, conditions=flips
        )
    else:
        events.append(db, unit, "status.changed", generation=now.observed_generation)
