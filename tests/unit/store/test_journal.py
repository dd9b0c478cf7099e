"""A journal of which bytes on the disk were altered: what is beside them is told."""

import sqlite3
from pathlib import Path

import pytest

from setpoint.model.journal import Entry
from setpoint.store.sqlite import open_store
from tests.support.memory import NOON_S, SHOP, created, run

GOOD, BAD = "a-sentence-of-its-own", "another-that-is-hit"


def entry(because: str) -> Entry:
    return Entry(
        id=0, app=SHOP, generation=1, kind="act", verb="start", subject="web.1", rule="r",
        because=because, change=None, state="succeeded", planned_at_s=NOON_S, ended_at_s=NOON_S,
        token=because,
    )  # fmt: skip


def without_text(body: bytes) -> bytes:
    return body.replace(BAD.encode(), b"\xff\xfe" + BAD.encode()[2:])


def without_row(body: bytes) -> bytes:
    """A row begins with how long the head before its first value is: that is made nonsense."""
    value = body.rindex(SHOP.encode(), 0, body.index(BAD.encode()))
    (head,) = (value - n for n in range(10, 30) if body[value - n] == n)
    return body[:head] + b"\x7e" + body[head + 1 :]


def of_another_kind(path: Path) -> None:
    """As if the table held whatever comes."""
    for sql in ("replace(sql, 'STRICT', '')", "sql || ' STRICT'"):
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA writable_schema = ON")
            if "replace" not in sql:
                db.execute("UPDATE journal SET because = x'00ff', count = 'many' WHERE id = 2")
            db.execute(f"UPDATE sqlite_schema SET sql = {sql} WHERE name = 'journal'")
        db.close()


def without_its_row(path: Path) -> None:
    """The index still names it."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA writable_schema = ON")
        (index,) = db.execute("SELECT * FROM sqlite_schema WHERE name = 'journal_app'").fetchall()
        db.execute("DELETE FROM sqlite_schema WHERE name = 'journal_app'")
    db.close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM journal WHERE id = 2")
    db.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    db.close()


async def three(path: Path, key: Path) -> None:
    store = open_store(path, key)
    await created(store)
    await store.begin_pass([entry(GOOD), entry(BAD), entry(GOOD)])
    await store.close()


@pytest.mark.parametrize("how", ["no-text", "no-row", "another-kind"])
def test_the_other_entries_are_told(tmp_path: Path, how: str) -> None:
    path, key = tmp_path / "store.db", tmp_path / "key"

    async def read() -> None:
        store = open_store(path, key)
        told = await store.journal(SHOP)
        assert [e.verb for e in told] == ["start", "unreadable", "start"]
        assert told[1].because.startswith("entry 2 of the journal is damaged: ")
        assert BAD[8:] not in told[1].because
        (blemish,) = await store.blemishes(SHOP)
        assert blemish.entry == 2
        assert await store.proofread(0, 2) == 2
        assert await store.proofread(2, 2) is None
        assert await store.blemishes(SHOP) == (blemish,)
        await store.begin_pass([entry(GOOD)])
        assert len(await store.journal(SHOP)) == 4
        await store.close()

    run(three(path, key))
    if how == "another-kind":
        of_another_kind(path)
    else:
        spoil = without_text if how == "no-text" else without_row
        path.write_bytes(spoil(path.read_bytes()))
    run(read())


def test_of_an_entry_that_only_the_index_knows_is_told_that_it_is_missing(tmp_path: Path) -> None:
    path, key = tmp_path / "store.db", tmp_path / "key"

    async def read() -> None:
        store = open_store(path, key)
        told = await store.journal(SHOP)
        assert [e.verb for e in told] == ["start", "unreadable", "start"]
        assert told[1].because == "entry 2 of the journal is damaged: its row is missing"
        await store.close()

    run(three(path, key))
    without_its_row(path)
    run(read())
