"""The writer thread: groups, savepoints, and what a full disk does to them."""

import asyncio
import sqlite3
import threading

import pytest

from setpoint.model.errors import Conflict, StoreError
from setpoint.store.sqlite.connection import connect_reader, connect_writer
from setpoint.store.sqlite.writer import GROUP_MAX, Writer
from tests.support.memory import run


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "test.db"
    db = connect_writer(file)
    db.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, body BLOB)")
    db.close()
    return file


def insert(x, body=b""):
    return lambda db: db.execute("INSERT INTO t VALUES (?, ?)", (x, body)).rowcount


def kept(path):
    db = connect_reader(path)
    try:
        return [x for (x,) in db.execute("SELECT x FROM t ORDER BY x")]
    finally:
        db.close()


def test_many_writes_at_once_are_all_kept(path):
    async def story():
        writer = Writer(connect_writer(path))
        counts = await asyncio.gather(*(writer.run(insert(x)) for x in range(3 * GROUP_MAX)))
        await writer.stop()
        assert counts == [1] * (3 * GROUP_MAX)

    run(story())
    assert kept(path) == list(range(3 * GROUP_MAX))


def test_those_who_queue_up_behind_a_commit_share_the_next_one(path):
    hold, commits = threading.Event(), []

    def slow(db):
        db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        hold.wait(10)

    async def story():
        writer = Writer(connect_writer(path))
        first = asyncio.ensure_future(writer.run(slow))
        rest = [asyncio.ensure_future(writer.run(insert(x))) for x in range(50)]
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(first, *rest)
        await writer.stop()

    run(story())
    assert 1 <= len(commits) <= 2


def test_a_refused_write_undoes_itself_and_nobody_else(path):
    def refuse(db):
        insert(100)(db)
        raise Conflict("cannot write: refused")

    async def story():
        writer = Writer(connect_writer(path))
        answers = await asyncio.gather(
            writer.run(insert(1)),
            writer.run(refuse),
            writer.run(insert(1)),
            writer.run(insert(2)),
            return_exceptions=True,
        )
        await writer.stop()
        return answers

    first, refused, twice, last = run(story())
    assert (first, last) == (1, 1)
    assert isinstance(refused, Conflict)
    assert isinstance(twice, StoreError)
    assert kept(path) == [1, 2]


def test_a_bug_in_one_write_reaches_its_caller_and_the_writer_goes_on(path):
    def bug(db):
        raise ZeroDivisionError

    async def story():
        writer = Writer(connect_writer(path))
        with pytest.raises(ZeroDivisionError):
            await writer.run(bug)
        await writer.run(insert(1))
        await writer.stop()

    run(story())
    assert kept(path) == [1]


def test_a_caller_that_left_does_not_disturb_the_others(path):
    async def story():
        writer = Writer(connect_writer(path))
        gone = asyncio.ensure_future(writer.run(insert(1)))
        await asyncio.sleep(0)
        gone.cancel()
        await writer.run(insert(2))
        await writer.stop()

    run(story())
    assert kept(path) == [1, 2]


def test_a_full_database_refuses_clearly_keeps_nothing_of_it_and_recovers(path):
    body = b"x" * 100_000

    async def story():
        db = connect_writer(path)
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 100}")
        writer = Writer(db)
        written = []

        async def write_on():
            for x in range(100):
                await writer.run(insert(x, body))
                written.append(x)

        with pytest.raises(StoreError, match="cannot write to the store: the disk is full"):
            await write_on()
        assert kept(path) == written
        await writer.run(lambda db: db.execute("DELETE FROM t WHERE x = 0"))
        await writer.run(insert(1_000, body))
        await writer.stop()
        return written

    written = run(story())
    assert written
    assert kept(path) == [*written[1:], 1_000]


def test_a_closed_writer_says_so(path):
    async def story():
        writer = Writer(connect_writer(path))
        await writer.stop()
        await writer.stop()
        with pytest.raises(StoreError, match="it is closed"):
            await writer.run(insert(1))

    run(story())


def test_readers_cannot_write(path):
    db = connect_reader(path)
    with pytest.raises(sqlite3.OperationalError):
        db.execute("DELETE FROM t")
    db.close()
