"""The one writer: groups of writes, each undone alone, and one fsync for the whole of a group.

Statements are carried out on the event loop, and only the commit waits for the disk in a thread: a
thread that carries out statements takes the interpreter's lock back after each of them, and under
load waits milliseconds for it every time. The next group is whoever has come meanwhile, and first
of them those for whom somebody waits.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection, abandon, told
from setpoint.store.sqlite.tenure import Check, nobody_else
from setpoint.store.sqlite.turns import Queued, Turn, refused

T = TypeVar("T")
T_Turn = TypeVar("T_Turn", bound=Turn)

GROUP_MAX = 256
GROUP_S_MAX = 0.004
"""So long the event loop is busy with one group at most; who is left comes with the next."""
LATER_WAIT_S = 0.001
"""So long those who may come later wait for a group of others, which they join at no cost."""
LATER_S, LATER_MIN = 0.001, 64
"""Of a group, for those who may come later: however many are in a hurry, they come."""
QUEUE_MAX = 10_000
"""Beyond this the disk does not keep up: better to say so than to let everyone wait."""

Order = Callable[[], None]


class Writer:
    """For one event loop at a time. `committed` is called in the writer's thread, after each
    group; `check` first thing in the transaction of each."""

    def __init__(
        self,
        db: Connection,
        committed: Callable[[], None] = lambda: None,
        check: Check = nobody_else,
    ) -> None:
        self._db = db
        self._check = check
        self._committed = committed
        self._waiting: deque[Queued] = deque()
        self._later: deque[Queued] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._busy = False
        self._closed = False
        self.refusal: StoreError | None = None
        self._idle = asyncio.Event()
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        """Returns once `work` is on disk. What it raises undoes it, and nothing but it. It may be
        called twice, of which the last counts.

        `long`: it would hold up everybody else on the event loop, and is a group by itself.
        `later`: what comes of it nobody waits for; it lets others go first.
        """
        if self._closed:
            raise StoreError("cannot write to the store: it is closed")
        if len(self._waiting) + len(self._later) >= QUEUE_MAX:
            raise StoreError(f"cannot write to the store: {QUEUE_MAX} writes are waiting already")
        loop = asyncio.get_running_loop()
        turn = Queued(work, loop.create_future(), long=long)
        (self._later if later else self._waiting).append(turn)
        if not self._busy:
            self._wake(loop)
        return await turn.answer

    def accept(self) -> None:
        self.refusal = None

    async def stop(self) -> None:
        """Finishes what is queued."""
        if self._closed:
            return
        self._closed = True
        while self._busy or self._later:
            if not self._busy:
                self._busy = True
                self._begin(asyncio.get_running_loop())
            self._idle.clear()
            await self._idle.wait()
        self._orders.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- on the event loop ----------------------------------------------------------------------

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody is at work: begin soon with those who wait, or a little later with the others."""
        if self._waiting:
            self._busy = True
            loop.call_soon(self._begin, loop)
        elif self._later and self._alarm is None:
            self._alarm = loop.call_later(LATER_WAIT_S, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._later and not self._busy:
            self._busy = True
            self._begin(loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Carry out whoever waits, and have the thread commit it."""
        if self._waiting and self._waiting[0].long:
            turns = [self._waiting.popleft()]
            self._orders.put(lambda: self._finish(loop, turns, self._write))
        else:
            turns = open_group(self._db, self._taken(), self._check)
            self._orders.put(lambda: self._finish(loop, turns, close_group))

    def _taken(self) -> Iterator[Queued]:
        end_s, most = time.perf_counter() + GROUP_S_MAX, GROUP_MAX
        if self._later:
            end_s, most = end_s - LATER_S, most - LATER_MIN
        yield from _until(self._waiting, end_s, most)
        # Counted from here: who was in a hurry may have taken longer than was meant.
        yield from _until(self._later, time.perf_counter() + LATER_S, LATER_MIN)

    def _end(self, loop: asyncio.AbstractEventLoop, turns: Sequence[Queued]) -> None:
        """Whoever waits is begun with before those who are answered go on: the disk is idle."""
        self.refusal = refused(turns) or self.refusal
        for turn in turns:
            turn.tell()
        if self._waiting:
            self._begin(loop)
        else:
            self._busy = False
            self._idle.set()
            self._wake(loop)

    # --- in the thread --------------------------------------------------------------------------

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            order()
        self._db.close()

    def _write(self, db: Connection, turns: Sequence[Turn]) -> None:
        write_group(db, turns, self._check)

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        turns: Sequence[Queued],
        how: Callable[[Connection, Sequence[Turn]], None],
    ) -> None:
        how(self._db, turns)
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._end, loop, turns)
        self._committed()


def _until(line: deque[Queued], end_s: float, most: int) -> Iterator[Queued]:
    while line and most > 0 and not line[0].long and time.perf_counter() < end_s:
        yield line.popleft()
        most -= 1


def write_group(db: Connection, turns: Sequence[Turn], check: Check = nobody_else) -> None:
    """All in one transaction. If that cannot reach the disk, everyone in it is told."""
    close_group(db, open_group(db, turns, check))


def open_group(
    db: Connection, coming: Iterable[T_Turn], check: Check = nobody_else
) -> list[T_Turn]:
    """Carry out each in one transaction, which is left open. Who they were.

    Hardly any fails, so there are savepoints only once one has: they cost an eighth of a commit.
    """
    turns: list[T_Turn] = []
    one_fails = False
    try:
        for turn in coming:
            turns.append(turn)
            if len(turns) == 1:
                _begin(db, check)
            if one_fails:
                _write_one(db, turn)
            elif not _written(db, turn):
                one_fails = True
                _write_again(db, turns, check)
    except Exception as error:
        _fail(db, turns, error)
    return turns


def _begin(db: Connection, check: Check) -> None:
    db.execute("BEGIN IMMEDIATE")
    check(db)


def _written(db: Connection, turn: Turn) -> bool:
    """False where it failed: what it wrote is still there, among what the others did."""
    try:
        turn.result = turn.work(db)
    except Exception as error:
        if _ends_group(db, error):
            raise
        return False
    return True


def _write_again(db: Connection, turns: Sequence[Turn], check: Check) -> None:
    db.execute("ROLLBACK")
    _begin(db, check)
    for turn in turns:
        _write_one(db, turn)


def close_group(db: Connection, turns: Sequence[Turn]) -> None:
    try:
        if db.in_transaction:
            db.execute("COMMIT")
    except Exception as error:
        _fail(db, turns, error)


def _fail(db: Connection, turns: Sequence[Turn], error: Exception) -> None:
    abandon(db)
    for turn in turns:
        turn.error, turn.refused = _told(error), True


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
