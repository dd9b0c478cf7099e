"""Reads: what is found by its key at once on the event loop, and what may be long in a thread.

A short read is some ten microseconds of pages that are in memory; to have a thread do it took ten
times as long. A list may be of a hundred thousand rows, and the event loop goes on meanwhile.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection, abandon, connect_reader, told
from setpoint.store.sqlite.turns import Queued, Turn

T = TypeVar("T")


class Reader:
    """For one event loop at a time."""

    def __init__(self, path: Path) -> None:
        self._queue: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, Queued] | None] = (
            queue.SimpleQueue()
        )
        self._closed = False
        self._db = connect_reader(path)
        self._thread = threading.Thread(
            target=self._serve, args=(connect_reader(path),), name="store-reader", daemon=True
        )
        self._thread.start()

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        """`work` sees one moment, at least as new as the last write that was acknowledged."""
        if self._closed:
            raise StoreError("cannot read from the store: it is closed")
        if long:
            loop = asyncio.get_running_loop()
            queued = Queued(work, loop.create_future(), long=True)
            self._queue.put((loop, queued))
            return await queued.answer
        turn = Turn(work)
        read_one(self._db, turn)
        if turn.error is not None:
            raise turn.error
        return turn.result

    async def stop(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._db.close()

    def _serve(self, db: Connection) -> None:
        while self._serve_one(db):
            pass
        db.close()

    def _serve_one(self, db: Connection) -> bool:
        """Whether another may follow. What was read is not kept until the next one asks."""
        if (asked := self._queue.get()) is None:
            return False
        loop, turn = asked
        read_one(db, turn)
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(turn.tell)
        return True


def read_one(db: Connection, turn: Turn) -> None:
    try:
        db.execute("BEGIN")
        turn.result = turn.work(db)
    except sqlite3.Error as error:
        turn.error = told(error, "read from the store")
    except Exception as error:
        turn.error = error
    finally:
        abandon(db)
