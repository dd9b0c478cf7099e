"""No threads and no disk: the same SQL in the caller's own step, for tests and simulated worlds."""

from collections.abc import Callable
from typing import TypeVar

from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.jobs import Job
from setpoint.store.sqlite.writer import write_group

T = TypeVar("T")


class Inline:
    """Reads and writes alike; each is done when `run` returns, without giving way."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def run(self, work: Callable[[Connection], T]) -> T:
        job = Job(work)
        write_group(self._db, [job])
        if job.error is not None:
            raise job.error
        return job.result

    async def stop(self) -> None:
        self._db.close()
