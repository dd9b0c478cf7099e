"""A store with a long past, written as rows: 100,000 apps through the port would take an hour."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from setpoint.model.app import AppIntent, SecretRef
from setpoint.model.change import Actor, Asked, Touch
from setpoint.model.decision import Decided, Record, Scope
from setpoint.model.ids import AppId
from setpoint.model.paths import flatten
from setpoint.store.sqlite import open_store

APPS, FIELDS, CHANGES, TOUCHES = 100_000, 10, 6, 5
"""Each app has so many live fields and Changes, each Change so many touches: a million and three
million."""
DECISIONS = 5_000
ACTOR = Actor("bench", "bench@example.com")
PORTION = 2_000

_encode = msgspec.json.Encoder().encode


async def fill(database: Path, key: Path) -> list[AppId]:
    """The apps made."""
    await open_store(database, key).close()
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA foreign_keys = OFF")
    ids = [AppId(f"00000000-0000-4000-8000-{n:012}") for n in range(APPS)]
    for start in range(0, APPS, PORTION):
        db.execute("BEGIN")
        _portion(db, ids[start : start + PORTION], start)
        db.execute("COMMIT")
    _decisions(db, ids)
    db.execute("PRAGMA optimize")
    db.close()
    return ids


def _portion(db: sqlite3.Connection, ids: list[AppId], start: int) -> None:
    said = _encode(Asked(ACTOR, "cli", 1.7e9, "more visitors than last week", why_source="flag"))
    whole = [_document(id, start + n, CHANGES) for n, id in enumerate(ids)]
    seqs = {id: (start + n) * CHANGES + 1 for n, id in enumerate(ids)}
    db.executemany(
        "INSERT INTO change (seq, at_s, asked, verb, summary) VALUES (?, ?, ?, 'configure', 'Set')",
        ((seqs[id] + c, 1.7e9 + c, said) for id in ids for c in range(CHANGES)),
    )
    db.executemany(
        "INSERT INTO unit (id, kind, name, owner, generation, rev, intent, created_at_s, "
        "updated_at_s, last_change) VALUES (?, 'app', ?, 'bench@example.com', ?, ?, ?, 1.7e9, "
        "1.7e9, ?)",
        ((i.id, i.name, CHANGES, CHANGES, _encode(i), seqs[i.id] + CHANGES - 1) for i in whole),
    )
    db.executemany(
        "INSERT INTO change_unit (unit, rev, change, generation, intent, touches) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (row for n, id in enumerate(ids) for row in _log(id, start + n, seqs[id])),
    )
    db.executemany(
        "INSERT INTO field (unit, path, change) VALUES (?, ?, ?)",
        (
            (i.id, path, seqs[i.id] + _last_touch(place))
            for i in whole
            for place, path in enumerate(flatten(i))
        ),
    )


def _document(id: AppId, number: int, changes: int) -> AppIntent:
    """`name`, and a config var for each other field, as after so many Changes."""
    keys = range(FIELDS - 1)
    return AppIntent(
        id,
        f"app-{number}",
        config={f"KEY_{k}": SecretRef(f"{number:012}{k:04}", 1 + changes // 2) for k in keys},
    )


def _touched(change: int) -> range:
    """Places among an app's fields: each is touched by every other Change."""
    half = FIELDS // 2
    return range(half) if change % 2 == 0 else range(half, FIELDS)


def _last_touch(place: int) -> int:
    return CHANGES - 2 if place in _touched(CHANGES - 2) else CHANGES - 1


def _log(id: AppId, number: int, seq: int) -> Iterator[tuple[object, ...]]:
    for change in range(CHANGES):
        after = _document(id, number, change)
        leaves = list(flatten(after).items())
        touches = [
            Touch(path, f"secret v{change}", f"secret v{change + 1}", "a" * 22, "b" * 22)
            for path, _ in (leaves[place] for place in _touched(change))
        ]
        yield id, change + 1, seq + change, change + 1, _encode(after), _encode(touches)


def _decisions(db: sqlite3.Connection, ids: list[AppId]) -> None:
    """Each of one app's config."""
    asked = Asked(ACTOR, "cli", 1.7e9, "as we agreed in spring")
    db.execute("BEGIN")
    for number in range(DECISIONS):
        id = ids[number * (APPS // DECISIONS)]
        decided = Decided((Scope(id, "app", "config.*"),), owner=ACTOR.email)
        record = Record(number + 1, "decided", asked, decided)
        db.execute(
            "INSERT INTO decision_record (decision, body) VALUES (?, ?)",
            (record.decision, _encode(record)),
        )
        db.execute("INSERT INTO decision_scope VALUES (?, ?)", (id, record.decision))
    db.execute("COMMIT")
