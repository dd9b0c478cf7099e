"""Units as rows: reading them, writing one back, forgetting one."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.errors import Conflict, Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Damaged
from setpoint.store.sqlite import events, senders
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

KIND = "app"

_decode_ids = reader(list[AppId], "the ids of all apps")
_decode_intent = reader(AppIntent, "an intent", again=True)

COLUMNS = """
intent, generation, rev, owner, created_at_s, updated_at_s,
last_change, source_change, shape_change, shape_summary
"""

_SELECT = f"SELECT {COLUMNS} FROM unit WHERE forgotten = 0 "

_INSERT = """
INSERT INTO unit (id, kind, name, owner, generation, rev, intent, created_at_s, updated_at_s,
                  last_change, source_change, shape_change, shape_summary)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_UPDATE = """
UPDATE unit SET name = ?, generation = ?, rev = ?, intent = ?, updated_at_s = ?,
                last_change = ?, source_change = ?, shape_change = ?, shape_summary = ?
WHERE id = ?
"""


def get(db: Connection, incarnation: int, id: AppId) -> Unit | None:
    return _one(db.execute(_SELECT + "AND id = ?", (id,)), incarnation)


def rev(db: Connection, id: AppId) -> int | None:
    row = db.execute("SELECT rev FROM unit WHERE id = ? AND forgotten = 0", (id,)).fetchone()
    return row[0] if row is not None else None


def named(db: Connection, incarnation: int, name: str) -> Unit | None:
    return _one(db.execute(_SELECT + "AND kind = ? AND name = ?", (KIND, name)), incarnation)


def ids(db: Connection) -> frozenset[AppId]:
    """As one row: each costs a turn at the interpreter's lock, and there may be many."""
    (every,) = db.execute(
        "SELECT json_group_array(id) FROM unit WHERE forgotten = 0 AND kind = ?", (KIND,)
    ).fetchone()
    return frozenset(_decode_ids(every))


def coupled(db: Connection, pipeline: str) -> Iterator[AppIntent]:
    """The intents of apps in it. One that cannot be read is in none, as long as it is so."""
    rows = db.execute(
        "SELECT intent FROM unit WHERE forgotten = 0 AND instr(intent, ?)", (pipeline,)
    )
    for (body,) in rows:
        with contextlib.suppress(Unreadable):
            intent = decoded(body)
            if not intent.deleted and intent.pipeline and intent.pipeline.id == pipeline:
                yield intent


def damaged(db: Connection, only: AppId | None) -> tuple[Damaged, ...]:
    found: list[Damaged] = []
    rows = db.execute(
        "SELECT id, name, generation, intent, owner, created_at_s, updated_at_s FROM unit "
        "WHERE forgotten = 0 AND kind = ?1 AND id = coalesce(?2, id)",
        (KIND, only),
    )
    for id, name, generation, body, *whose in rows:
        try:
            decoded(body)
        except Unreadable as error:
            fact = f"{error.message}; {error.hint}"
            found.append(Damaged(id, name, generation, fact, *whose))
    return tuple(found)


def insert(db: Connection, unit: Unit, encoded: bytes) -> None:
    """`encoded`: its document."""
    intent = unit.intent
    _refuse_taken(db, intent, f"cannot create '{intent.name}'")
    _refuse_shared(db, intent, ())
    db.execute(
        _INSERT,
        (
            unit.id, KIND, unit.name, unit.owner, unit.generation, unit.rev, encoded,
            unit.created_at_s, unit.updated_at_s, unit.last_change, unit.source_change,
            unit.shape_change, unit.shape_summary,
        ),
    )  # fmt: skip
    senders.note(db, None, intent)


def update(db: Connection, unit: Unit, encoded: bytes, *, before: AppIntent) -> None:
    """`encoded`: its document; `before`: what it is altered from."""
    if unit.name != before.name:
        _refuse_taken(db, unit.intent, f"cannot rename '{before.name}' to '{unit.name}'")
    _refuse_shared(db, unit.intent, before.domains)
    db.execute(
        _UPDATE,
        (
            unit.name, unit.generation, unit.rev, encoded, unit.updated_at_s,
            unit.last_change, unit.source_change, unit.shape_change, unit.shape_summary, unit.id,
        ),
    )  # fmt: skip
    senders.note(db, before, unit.intent)


def forget(db: Connection, id: AppId) -> None:
    """The name is free again and the secrets are gone for good; the story stays. Twice is once."""
    forgotten = db.execute("UPDATE unit SET forgotten = 1 WHERE id = ? AND forgotten = 0", (id,))
    if forgotten.rowcount:
        db.execute("DELETE FROM secret WHERE unit = ?", (id,))
        db.execute("DELETE FROM status WHERE unit = ?", (id,))
        db.execute("DELETE FROM settled WHERE unit = ?", (id,))
        senders.forget(db, id)
        events.append(db, id, "app.forgotten")


def encoded(intent: AppIntent) -> bytes:
    return msgspec.json.encode(intent)


def decoded(body: bytes) -> AppIntent:
    return _decode_intent(body)


def _refuse_taken(db: Connection, intent: AppIntent, failing: str) -> None:
    """Asked rather than left to the index, whose complaint could not name the app."""
    taken = db.execute(
        "SELECT 1 FROM unit WHERE kind = ? AND name = ? AND forgotten = 0", (KIND, intent.name)
    ).fetchone()
    if taken is not None:
        raise Conflict(f"{failing}: the name is taken")


def _refuse_shared(db: Connection, intent: AppIntent, had: Sequence[str]) -> None:
    """No two apps answer at one host. Every document is looked into, which only new ones cost."""
    for host in intent.domains:
        if host in had:
            continue
        taken = db.execute(
            "SELECT 1 FROM unit, json_each(CAST(unit.intent AS TEXT), '$.domains') AS domain "
            "WHERE unit.kind = ? AND unit.forgotten = 0 AND unit.id != ? AND domain.value = ? "
            "AND json_valid(CAST(unit.intent AS TEXT))",
            (KIND, intent.id, host),
        ).fetchone()
        if taken is not None:
            raise Conflict(f"cannot add the domain '{host}' to '{intent.name}': another app has it")


def _one(rows: Iterable[sqlite3.Row], incarnation: int) -> Unit | None:
    return next((from_row(row, incarnation) for row in rows), None)


def from_row(row: Sequence[Any], incarnation: int) -> Unit:
    """`row`: `COLUMNS`. Raises Unreadable."""
    intent, generation, rev, owner, created, updated, last, source, shape, summary = row
    return Unit(
        intent=decoded(intent),
        incarnation=incarnation,
        generation=generation,
        rev=rev,
        owner=owner,
        created_at_s=created,
        updated_at_s=updated,
        last_change=last,
        source_change=source,
        shape_change=shape,
        shape_summary=summary,
    )
