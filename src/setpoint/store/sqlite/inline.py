"""No threads and no disk: the same SQL in the caller's own step, for tests and simulated worlds."""

from collections.abc import Callable
from typing import TypeVar

from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.turns import Turn
from setpoint.store.sqlite.writer import write_group

T = TypeVar("T")


class Inline:
    """Reads and writes alike; each is done when `run` returns, without giving way."""

    def __init__(self, db: Connection, committed: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._committed = committed

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        turn, before = Turn(work), self._db.total_changes
        write_group(self._db, [turn])
        if self._db.total_changes != before:
            self._committed()
        if turn.error is not None:
            raise turn.error
        return turn.result

    async def stop(self) -> None:
        self._db.close()
