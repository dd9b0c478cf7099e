"""The log of Changes, and field provenance derived from it. Rows never alter."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Asked, Change, Touch, UnitChange
from setpoint.model.ids import AppId
from setpoint.store.port import Field
from setpoint.store.sqlite import units
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode_asked = reader(Asked, "who asked")
_decode_touches = reader(tuple[Touch, ...], "what a Change touched")

_SELECT = """
SELECT c.seq, c.asked, c.verb, c.summary, cu.unit, cu.generation, cu.touches
FROM change_unit cu JOIN change c ON c.seq = cu.change
"""

_SELECT_ALL = """
SELECT c.seq, c.asked, c.verb, c.summary,
       coalesce(cu.unit, ''), coalesce(cu.generation, 0), coalesce(cu.touches, x'5b5d')
FROM change c LEFT JOIN change_unit cu ON c.seq = cu.change
"""
"""Those of accounts and tokens, too, which are no app's."""


def insert(db: Connection, asked: Asked, verb: str, summary: str) -> int:
    """The new Change's seq."""
    made = db.execute(
        "INSERT INTO change (at_s, asked, verb, summary) VALUES (?, ?, ?, ?)",
        (asked.at_s, msgspec.json.encode(asked), verb, summary),
    )
    return made.lastrowid or 0


def insert_unit(db: Connection, unit: Unit, intent: bytes, touches: Sequence[Touch]) -> None:
    """What the unit's newest Change made of it, and the provenance that follows from it.

    `intent`: its document, encoded.
    """
    change = unit.last_change
    db.execute(
        "INSERT INTO change_unit (unit, rev, change, generation, intent, touches) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (unit.id, unit.rev, change, unit.generation, intent, msgspec.json.encode(touches)),
    )
    db.executemany(
        "INSERT INTO field (unit, path, change) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET change = excluded.change",
        [(unit.id, t.path, change) for t in touches if t.new is not None],
    )
    gone = [(unit.id, t.path) for t in touches if t.new is None]
    if gone:
        db.executemany("DELETE FROM field WHERE unit = ? AND path = ?", gone)


def rebuild_fields(db: Connection) -> None:
    """Provenance anew, from nothing but the log: the last touch of a path, unless it removed it."""
    db.execute("DELETE FROM field")
    db.execute(
        "INSERT INTO field (unit, path, change) SELECT unit, path, change FROM ("
        "  SELECT cu.unit, json_extract(t.value, '$.path') AS path, max(cu.change) AS change,"
        "         json_extract(t.value, '$.new') AS new"
        "  FROM change_unit cu, json_each(CAST(cu.touches AS TEXT)) t GROUP BY 1, 2"
        ") WHERE new IS NOT NULL"
    )


def of_unit(db: Connection, unit: AppId, limit: int) -> tuple[UnitChange, ...]:
    """Newest first."""
    where = "WHERE cu.unit = ? ORDER BY cu.rev DESC LIMIT ?"
    return _read(db.execute(_SELECT + where, (unit, limit)))


def newest(db: Connection, limit: int) -> tuple[UnitChange, ...]:
    return _read(db.execute(_SELECT_ALL + "ORDER BY c.seq DESC, cu.unit LIMIT ?", (limit,)))


def one(db: Connection, seq: int) -> tuple[UnitChange, ...]:
    return _read(db.execute(_SELECT_ALL + "WHERE c.seq = ? ORDER BY cu.unit", (seq,)))


def fields(db: Connection, unit: AppId) -> tuple[Field, ...]:
    rows = db.execute("SELECT path, change FROM field WHERE unit = ? ORDER BY path", (unit,))
    return tuple(Field(*row) for row in rows)


def field(db: Connection, unit: AppId, path: str) -> Field | None:
    row = db.execute(
        "SELECT path, change FROM field WHERE unit = ? AND path = ?", (unit, path)
    ).fetchone()
    return Field(*row) if row is not None else None


def touching(db: Connection, unit: AppId, path: str, limit: int) -> tuple[UnitChange, ...]:
    """Newest first. A walk through the app's own log: its rows are looked at, and only those that
    tell of the path are taken apart."""
    said = b'"path":' + msgspec.json.encode(path)
    where = "WHERE cu.unit = ? AND instr(cu.touches, ?) ORDER BY cu.rev DESC LIMIT ?"
    found = _read(db.execute(_SELECT + where, (unit, said, limit)))
    return tuple(c for c in found if any(t.path == path for t in c.touches))


def as_of(db: Connection, unit: AppId, at_s: float, change: int) -> AppIntent | None:
    row = db.execute(
        "SELECT cu.intent FROM change_unit cu JOIN change c ON c.seq = cu.change "
        "WHERE cu.unit = ? AND cu.change <= ? AND c.at_s <= ? ORDER BY cu.rev DESC LIMIT 1",
        (unit, change, at_s),
    ).fetchone()
    return units.decoded(row[0]) if row is not None else None


def touched_since(db: Connection, unit: AppId, rev: int) -> Iterator[tuple[int, Touch]]:
    """(change, what it touched) of all Changes that came after this revision; newest first."""
    rows = db.execute(
        "SELECT change, touches FROM change_unit WHERE unit = ? AND rev > ? ORDER BY rev DESC",
        (unit, rev),
    )
    for change, touches in rows:
        yield from ((change, touch) for touch in _decode_touches(touches))


def _read(rows: Iterable[sqlite3.Row]) -> tuple[UnitChange, ...]:
    return tuple(
        UnitChange(
            change=Change(seq, _decode_asked(asked), verb, summary),
            unit=unit,
            generation=generation,
            touches=_decode_touches(touches),
        )
        for seq, asked, verb, summary, unit, generation, touches in rows
    )
