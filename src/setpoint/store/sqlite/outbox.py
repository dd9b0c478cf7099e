"""What a survey asks of memory, through a door of its own: whoever only reads needs no key."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from setpoint.model.ids import AppId
from setpoint.store.port import Touched
from setpoint.store.sqlite import touched, units
from setpoint.store.sqlite.connection import connect_reader
from setpoint.store.sqlite.reader import Reader


def units_kept(path: Path) -> int:
    """About how many there are; 0 where nobody can tell, as before there is a database."""
    if not path.exists():
        return 0
    with suppress(sqlite3.Error), closing(connect_reader(path)) as db:
        (count,) = db.execute("SELECT count(*) FROM unit").fetchone()
        return int(count)
    return 0


class SqliteOutbox:
    """Raises sqlite3.Error if the database cannot be opened; later StoreError. Close it with
    `stop`."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)

    async def touched(self, after: int) -> Touched:
        return await self._reader.run(lambda db: touched.since(db, after), long=True)

    async def unit_ids(self) -> frozenset[AppId]:
        return await self._reader.run(units.ids, long=True)

    async def stop(self) -> None:
        await self._reader.stop()
