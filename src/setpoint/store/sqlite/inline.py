"""No threads and no disk: the same SQL in the caller's own step, for tests and simulated worlds."""

from collections.abc import Callable
from typing import TypeVar

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.turns import Turn, refused
from setpoint.store.sqlite.writer import write_group

T = TypeVar("T")


class Inline:
    """Reads and writes alike; each is done when `run` returns, without giving way."""

    def __init__(self, db: Connection, committed: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._committed = committed
        self.refusal: StoreError | None = None

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        turn, before = Turn(work), self._db.total_changes
        write_group(self._db, [turn])
        self.refusal = refused([turn]) or self.refusal
        if self._db.total_changes != before:
            self._committed()
        if turn.error is not None:
            raise turn.error
        return turn.result

    def accept(self) -> None:
        self.refusal = None

    async def stop(self) -> None:
        self._db.close()
