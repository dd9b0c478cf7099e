"""The one writer: a thread that commits in groups, a savepoint per request.

Many threads with a connection each took turns at the lock and were 57 times slower than one. The
group is whoever has queued up while the last commit reached the disk.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection, abandon, told
from setpoint.store.sqlite.turns import Queued, Turn, answer_all

T = TypeVar("T")

GROUP_MAX = 256
QUEUE_MAX = 10_000
"""Beyond this the disk does not keep up: better to say so than to let everyone wait."""


class Writer:
    """`committed` is called in the writer's thread, after each group."""

    def __init__(self, db: Connection, committed: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._committed = committed
        self._queue: queue.SimpleQueue[Queued | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Returns once `work` is on disk. What it raises undoes it, and nothing but it."""
        if self._closed:
            raise StoreError("cannot write to the store: it is closed")
        if self._queue.qsize() >= QUEUE_MAX:
            raise StoreError(f"cannot write to the store: {QUEUE_MAX} writes are waiting already")
        turn = Queued(work)
        self._queue.put(turn)
        return await turn.answer

    async def stop(self) -> None:
        """Finishes what is queued."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        going = True
        while going:
            turns, going = self._take()
            if turns:
                write_group(self._db, turns)
                answer_all(turns)
                self._committed()
        self._db.close()

    def _take(self) -> tuple[list[Queued], bool]:
        """Blocks for the first, then takes whoever is there. False once asked to stop."""
        turns: list[Queued] = []
        item = self._queue.get()
        while item is not None:
            turns.append(item)
            if len(turns) == GROUP_MAX:
                return turns, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return turns, True
        return turns, False


def write_group(db: Connection, turns: Sequence[Turn]) -> None:
    """All in one transaction. If that cannot reach the disk, everyone in it is told."""
    try:
        db.execute("BEGIN IMMEDIATE")
        for turn in turns:
            _write_one(db, turn)
        db.execute("COMMIT")
    except Exception as error:
        abandon(db)
        for turn in turns:
            turn.error = _told(error)


def _write_one(db: Connection, turn: Turn) -> None:
    db.execute("SAVEPOINT turn")
    try:
        turn.result = turn.work(db)
    except Exception as error:
        if _ends_group(db, error):
            raise
        db.execute("ROLLBACK TO turn")
        turn.error = _told(error)
    db.execute("RELEASE turn")


def _ends_group(db: Connection, error: Exception) -> bool:
    """A full disk and its like may have rolled back everybody's work, not only this one's."""
    return isinstance(error, sqlite3.OperationalError) or not db.in_transaction


def _told(error: Exception) -> Exception:
    return told(error, "write to the store") if isinstance(error, sqlite3.Error) else error
