"""The log of Changes, and field provenance derived from it. Rows never alter."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from setpoint.model.change import Asked, Change, Touch, UnitChange
from setpoint.model.ids import AppId
from setpoint.store.port import Field
from setpoint.store.sqlite.connection import Connection

_decode_asked = msgspec.json.Decoder(Asked).decode

_SELECT = """
SELECT c.seq, c.asked, c.verb, c.summary, cu.unit, cu.generation
FROM change_unit cu JOIN change c ON c.seq = cu.change
"""


def insert(db: Connection, asked: Asked, verb: str, summary: str) -> int:
    """The new Change's seq."""
    row = db.execute(
        "INSERT INTO change (at_s, asked, verb, summary) VALUES (?, ?, ?, ?) RETURNING seq",
        (asked.at_s, msgspec.json.encode(asked), verb, summary),
    ).fetchone()
    return int(row[0])


def insert_touches(db: Connection, unit: AppId, change: int, touches: Sequence[Touch]) -> None:
    """The touches of one unit, and the provenance that follows from them."""
    db.executemany(
        "INSERT INTO touch (unit, change, path, old, new) VALUES (?, ?, ?, ?, ?)",
        [(unit, change, t.path, _json(t.old), _json(t.new)) for t in touches],
    )
    db.executemany(
        "INSERT INTO field (unit, path, change) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET change = excluded.change",
        [(unit, t.path, change) for t in touches if t.new is not None],
    )
    gone = [(unit, t.path) for t in touches if t.new is None]
    if gone:
        db.executemany("DELETE FROM field WHERE unit = ? AND path = ?", gone)


def rebuild_fields(db: Connection) -> None:
    """Provenance anew, from nothing but the log: the last touch of a path, unless it removed it."""
    db.execute("DELETE FROM field")
    db.execute(
        "INSERT INTO field (unit, path, change) SELECT unit, path, change FROM ("
        "  SELECT unit, path, max(change) AS change, new FROM touch GROUP BY unit, path"
        ") WHERE new IS NOT NULL"
    )


def of_unit(db: Connection, unit: AppId, limit: int) -> tuple[UnitChange, ...]:
    """Newest first."""
    where = "WHERE cu.unit = ? ORDER BY cu.rev DESC LIMIT ?"
    return _read(db, db.execute(_SELECT + where, (unit, limit)))


def newest(db: Connection, limit: int) -> tuple[UnitChange, ...]:
    return _read(db, db.execute(_SELECT + "ORDER BY cu.change DESC, cu.unit LIMIT ?", (limit,)))


def one(db: Connection, seq: int) -> tuple[UnitChange, ...]:
    return _read(db, db.execute(_SELECT + "WHERE cu.change = ? ORDER BY cu.unit", (seq,)))


def fields(db: Connection, unit: AppId) -> tuple[Field, ...]:
    rows = db.execute("SELECT path, change FROM field WHERE unit = ? ORDER BY path", (unit,))
    return tuple(Field(*row) for row in rows)


def _read(db: Connection, rows: Iterable[sqlite3.Row]) -> tuple[UnitChange, ...]:
    found = list(rows)
    touches = _touches(db, {row[0] for row in found})
    return tuple(
        UnitChange(
            change=Change(seq, _decode_asked(asked), verb, summary),
            unit=unit,
            generation=generation,
            touches=tuple(touches[unit, seq]),
        )
        for seq, asked, verb, summary, unit, generation in found
    )


def _touches(db: Connection, seqs: set[int]) -> dict[tuple[str, int], list[Touch]]:
    touches: dict[tuple[str, int], list[Touch]] = defaultdict(list)
    for seq in seqs:
        rows = db.execute(
            "SELECT t.unit, t.path, t.old, t.new FROM change_unit cu JOIN touch t "
            "ON t.unit = cu.unit AND t.change = cu.change WHERE cu.change = ? ORDER BY t.path",
            (seq,),
        )
        for unit, path, old, new in rows:
            touches[unit, seq].append(Touch(path, _parsed(old), _parsed(new)))
    return touches


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _parsed(text: str | None) -> object:
    return None if text is None else msgspec.json.decode(text)
