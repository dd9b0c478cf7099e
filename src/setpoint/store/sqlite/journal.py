"""Steps and standing acts. A step is recorded before its effect, and its outcome after."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from setpoint.model.ids import AppId
from setpoint.model.journal import (
    ADRIFT_RULES,
    COUNTED_AMONG,
    Blemish,
    Entry,
    EntryState,
    told_already,
)
from setpoint.store.sqlite import events, meta
from setpoint.store.sqlite.connection import Connection

UNREADABLE = "unreadable"

_COLUMNS = (
    "app, generation, kind, verb, subject, rule, because, change, state, "
    "planned_at_s, ended_at_s, result, count, token"
)

_INSERT = f"INSERT INTO journal ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"


def begin(db: Connection, entries: Sequence[Entry]) -> tuple[int, ...]:
    for entry in entries:
        _tell_drift(db, entry)
    return tuple(_insert(db, entry) for entry in entries)


def end(db: Connection, outcomes: Sequence[tuple[int, EntryState, str]], now_s: float) -> None:
    db.executemany(
        "UPDATE journal SET state = ?1, result = ?2, ended_at_s = ?3 "
        "WHERE id = ?4 AND (state = 'planned' OR ?1 <> 'unknown')",
        [(state, result, now_s, id) for id, state, result in outcomes],
    )


def left_open(db: Connection) -> frozenset[AppId]:
    rows = db.execute("SELECT DISTINCT app FROM journal WHERE state = 'planned'")
    return frozenset(AppId(app) for (app,) in rows)


def record_acts(db: Connection, entries: Iterable[Entry], after: int) -> None:
    """Nothing if these were taken in before: `after` only grows. Crash loops coalesce."""
    if after <= acts_seen(db):
        return
    for entry in entries:
        same = told_already(entry, read(db, AppId(entry.app), COUNTED_AMONG))
        if same is None:
            _insert(db, entry)
        else:
            db.execute(
                "UPDATE journal SET count = count + ?, because = ?, state = ?, result = ?, "
                "ended_at_s = ? WHERE id = ?",
                (
                    entry.count,
                    entry.because,
                    entry.state,
                    entry.result,
                    entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s,
                    same.id,
                ),
            )
        _tell_drift(db, entry)
    meta.put(db, meta.ACTS_SEEN, str(after))


def _tell_drift(db: Connection, entry: Entry) -> None:
    if entry.rule in ADRIFT_RULES:
        facts = {"subject": entry.subject, "because": entry.because}
        events.append(db, entry.app, entry.verb, **facts, at_s=entry.planned_at_s)


def acts_seen(db: Connection) -> int:
    return int(meta.get(db, meta.ACTS_SEEN) or 0)


def read(db: Connection, app: AppId, limit: int) -> tuple[Entry, ...]:
    """Newest first."""
    return _read(db, "WHERE app = ? ORDER BY id DESC LIMIT ?", app, limit)


def portion(db: Connection, after: int, limit: int) -> tuple[Entry, ...]:
    """Of all apps, in order."""
    return _read(db, "WHERE id > ? ORDER BY id LIMIT ?", after, limit)


def blemish(entry: Entry) -> Blemish | None:
    """What is wrong with one that `read` could only tell as damaged."""
    if entry.verb != UNREADABLE:
        return None
    return Blemish(entry.id, entry.because, entry.planned_at_s)


def _read(db: Connection, which: str, *values: object) -> tuple[Entry, ...]:
    try:
        rows = db.execute(f"SELECT id, {_COLUMNS} FROM journal {which}", values)
        return tuple(_entry(row) for row in rows)
    except sqlite3.DatabaseError:  # of one of them: the others are told
        ids = db.execute(f"SELECT id FROM journal {which}", values).fetchall()
        return tuple(_alone(db, id) for (id,) in ids)


def _alone(db: Connection, id: int) -> Entry:
    """A row of which SQLite itself finds that it is no row, or no text."""
    try:
        row = db.execute(f"SELECT id, {_COLUMNS} FROM journal WHERE id = ?", (id,)).fetchone()
        return _entry(row) if row is not None else _lost(db, id, "its row is missing")
    except sqlite3.DatabaseError as error:
        told = str(error).partition(" with text")[0]  # what it holds is nobody's to see
        return _lost(db, id, told)


def _lost(db: Connection, id: int, why: str) -> Entry:
    """The index has it too, and is all that is left to ask."""
    found = "SELECT app FROM journal INDEXED BY journal_app WHERE id = ?"
    (app,) = db.execute(found, (id,)).fetchone() or ("",)
    return _damaged((id, app, *[None] * 14), why)


def _insert(db: Connection, entry: Entry) -> int:
    values = (
        entry.app, entry.generation, entry.kind, entry.verb, entry.subject, entry.rule,
        entry.because, entry.change, entry.state, entry.planned_at_s, entry.ended_at_s,
        entry.result, entry.count, entry.token,
    )  # fmt: skip
    return db.execute(_INSERT, values).lastrowid or 0


def _entry(row: sqlite3.Row) -> Entry:
    """Entry's fields are declared in the order of the columns. One that is damaged is still told:
    what happened around it must not be lost with it."""
    try:
        return msgspec.convert(dict(zip(Entry.__struct_fields__, row, strict=True)), Entry)
    except msgspec.ValidationError as error:
        return _damaged(row, str(error))


def _damaged(row: Sequence[Any], fact: str) -> Entry:
    """Neither planned nor done, as far as anybody can tell."""
    id, app, at_s = row[0], row[1], row[10]
    return Entry(
        id=id,
        app=str(app),
        generation=0,
        kind="step",
        verb=UNREADABLE,
        subject="entry",
        rule=UNREADABLE,
        because=f"entry {id} of the journal is damaged: {fact}",
        change=None,
        state="unknown",
        planned_at_s=at_s if isinstance(at_s, int | float) else 0.0,
        token=f"damaged-{id}",
    )
