"""Readers: a few threads with a connection each, so that the event loop never waits for a disk."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection, abandon, connect_reader, told
from setpoint.store.sqlite.turns import Queued, Turn, answer_all

T = TypeVar("T")

THREADS = 2
"""Enough that a long list does not hold up a short look; more only fight for the interpreter."""


class Reader:
    def __init__(self, path: Path) -> None:
        self._queue: queue.SimpleQueue[Queued | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(
                target=self._serve,
                args=(connect_reader(path),),
                name=f"store-reader-{n}",
                daemon=True,
            )
            for n in range(THREADS)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`work` sees one moment, at least as new as the last write that was acknowledged."""
        if self._closed:
            raise StoreError("cannot read from the store: it is closed")
        turn = Queued(work)
        self._queue.put(turn)
        return await turn.answer

    async def stop(self) -> None:
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _serve(self, db: Connection) -> None:
        while (turn := self._queue.get()) is not None:
            read_one(db, turn)
            answer_all([turn])
        db.close()


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
