"""Decisions, and what was said of them, in rows that are only ever added; and what is measured of
the bets they rest on."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from setpoint.model.change import Asked
from setpoint.model.decision import Decided, Record, RecordKind
from setpoint.model.errors import Conflict, NotFound
from setpoint.model.signal import Sample, Sums
from setpoint.store.sqlite import events
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode = reader(Record, "a decision")
_decode_sample = reader(Sample, "what was measured")
_decode_sums = reader(Sums, "what was counted")
_SELECT = "SELECT body FROM decision_record "


def decide(db: Connection, asked: Asked, decided: Decided) -> Record:
    """The next number. The same idempotency key again is the same decision. Raises Conflict."""
    known = _repeated(db, asked, "decided")
    if known is not None:
        if known.decided != decided or known.asked.why != asked.why:
            raise Conflict(
                "cannot decide: its idempotency key was used for another decision",
                "use a new key for each request",
            )
        return known
    row = db.execute("SELECT coalesce(max(decision), 0) + 1 FROM decision_record").fetchone()
    record = Record(int(row[0]), "decided", asked, decided)
    _insert(db, record)
    db.executemany(
        "INSERT OR IGNORE INTO decision_scope (unit, decision) VALUES (?, ?)",
        [(scope.unit, record.decision) for scope in decided.governs],
    )
    if decided.bet is not None:
        db.execute("INSERT INTO decision_bet (decision) VALUES (?)", (record.decision,))
    if decided.supersedes:
        _replace(db, decided.supersedes, record)
    return record


def _replace(db: Connection, old: int, new: Record) -> None:
    asked = msgspec.structs.replace(new.asked, why="", links=(), idempotency_key="")
    _insert(db, Record(old, "replaced", asked, by=new.decision))
    db.execute("DELETE FROM decision_bet WHERE decision = ?", (old,))


def add(
    db: Connection, decision: int, kind: RecordKind, asked: Asked, revisit_at_s: float | None
) -> Record:
    """Raises NotFound."""
    known = _repeated(db, asked, kind)
    if known is not None:
        return known
    there = db.execute("SELECT 1 FROM decision_record WHERE decision = ?", (decision,)).fetchone()
    if there is None:
        raise NotFound(f"cannot say anything of d-{decision}: there is no such decision")
    record = Record(decision, kind, asked, revisit_at_s=revisit_at_s)
    _insert(db, record)
    if kind == "held":
        db.execute("DELETE FROM decision_bet WHERE decision = ?", (decision,))
    return record


def every(db: Connection) -> tuple[Record, ...]:
    return _read(db.execute(_SELECT + "ORDER BY id"))


def of_unit(db: Connection, unit: str) -> tuple[Record, ...]:
    """Of those that govern something of one app, or of every app."""
    return _read(
        db.execute(
            _SELECT + "WHERE decision IN (SELECT decision FROM decision_scope "
            "WHERE unit IN (?, '')) ORDER BY id",
            (unit,),
        )
    )


def numbered(db: Connection, numbers: Sequence[int]) -> tuple[Record, ...]:
    places = ", ".join("?" * len(numbers))
    return _read(db.execute(_SELECT + f"WHERE decision IN ({places}) ORDER BY id", tuple(numbers)))


def with_bets(db: Connection) -> tuple[Record, ...]:
    """Of those whose bet is open or lost, and that nothing replaced."""
    return _read(
        db.execute(_SELECT + "WHERE decision IN (SELECT decision FROM decision_bet) ORDER BY id")
    )


def add_samples(db: Connection, samples: Sequence[Sample], before_s: float) -> None:
    db.execute("DELETE FROM sample WHERE at_s < ?", (before_s,))
    _insert_samples(db, samples)


def replace_samples(db: Connection, unit: str, process: str, kept: Sequence[Sample]) -> None:
    newest_s = max((s.at_s for s in kept), default=0.0)
    db.execute(
        "DELETE FROM sample WHERE unit = ? AND process = ? AND at_s <= ?",
        (unit, process, newest_s),
    )
    _insert_samples(db, kept)


def _insert_samples(db: Connection, samples: Sequence[Sample]) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO sample (unit, process, at_s, body) VALUES (?, ?, ?, ?)",
        [(s.unit, s.process, s.at_s, msgspec.json.encode(s)) for s in samples],
    )


def count(db: Connection, sums: Sequence[Sums]) -> None:
    """All there is to remember: what is not among them is forgotten."""
    db.execute("DELETE FROM counted")
    db.executemany(
        "INSERT INTO counted (unit, process, body) VALUES (?, ?, ?)",
        [(s.unit, s.process, msgspec.json.encode(s)) for s in sums],
    )


def counted(db: Connection) -> tuple[Sums, ...]:
    rows = db.execute("SELECT body FROM counted ORDER BY unit, process")
    return tuple(_decode_sums(body) for (body,) in rows)


def samples(db: Connection, unit: str, process: str, since_s: float) -> tuple[Sample, ...]:
    rows = db.execute(
        "SELECT body FROM sample WHERE unit = ? AND process = ? AND at_s > ? ORDER BY at_s",
        (unit, process, since_s),
    )
    return tuple(_decode_sample(body) for (body,) in rows)


def _read(rows: Iterable[tuple[bytes]]) -> tuple[Record, ...]:
    return tuple(_decode(body) for (body,) in rows)


def _insert(db: Connection, record: Record) -> None:
    db.execute(
        "INSERT INTO decision_record (decision, key, body) VALUES (?, ?, ?)",
        (record.decision, _key(record.asked, record.kind), msgspec.json.encode(record)),
    )
    events.append(db, "", "decision.recorded", decision=record.decision, kind=record.kind)


def _repeated(db: Connection, asked: Asked, kind: RecordKind) -> Record | None:
    key = _key(asked, kind)
    if key is None:
        return None
    row = db.execute(_SELECT + "WHERE key = ?", (key,)).fetchone()
    return _decode(row[0]) if row is not None else None


def _key(asked: Asked, kind: RecordKind) -> bytes | None:
    if not asked.idempotency_key:
        return None
    text = "\0".join((asked.actor.name, kind, asked.idempotency_key))
    return hashlib.sha256(text.encode()).digest()
