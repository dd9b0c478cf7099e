"""What is asked of all apps at once.

While nothing is written the answer stays as it is. After that every row is read again, but what a
row holds is decoded only where it is another: decoding takes many times as long.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from setpoint.model.app import Unit
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Damaged, Standing, Status
from setpoint.store.sqlite import status, units
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.turns import Runner

APPS_MAX = 2000
"""A decoded intent takes some 5 KiB, its row included."""

_UNITS = f"SELECT id, {units.COLUMNS} FROM unit WHERE forgotten = 0 AND kind = ? ORDER BY name"

_STATUS = """
SELECT status.unit, observed_generation, conditions, x'6e756c6c', at_s
FROM status JOIN unit ON unit.id = status.unit WHERE forgotten = 0 AND kind = ?
"""

_RELEASES = """
SELECT id,
    (SELECT max(version) FROM release WHERE app = id),
    (SELECT version FROM release WHERE app = id AND status = 'succeeded'
     ORDER BY version DESC LIMIT 1)
FROM unit WHERE forgotten = 0 AND kind = ?
"""

T = TypeVar("T")
Row = tuple[Any, ...]


class Kept(Generic[T]):
    """The outcomes of one list of rows, as of the last time. `read`: of a row without its id."""

    def __init__(self, read: Callable[[Sequence[Any]], T], rows_max: int) -> None:
        self._read = read
        self._rows_max = rows_max
        self._kept: dict[str, tuple[Row, T]] = {}

    def all(self, rows: Iterable[Row]) -> dict[AppId, T]:
        """In their order, without those that cannot be read."""
        found: dict[AppId, T] = {}
        kept: dict[str, tuple[Row, T]] = {}
        for row in rows:
            id = row[0]
            known = self._kept.get(id)
            if known is None or known[0] != row:
                try:
                    known = row, self._read(row[1:])
                except Unreadable:
                    continue
            found[id] = known[1]
            if len(kept) < self._rows_max:
                kept[id] = known
        self._kept = kept
        return found


class Unwritten(Generic[T]):
    """What was read of the whole database, for as long as nobody has written anything to it."""

    def __init__(self, read: Callable[[Connection], T]) -> None:
        self._read = read
        self._known: tuple[tuple[int, int], T] | None = None

    async def told(self, reader: Runner) -> T:
        """At least as new as when it was asked for: how far it is written is looked at first."""
        now = await reader.run(_written)
        if self._known is None or self._known[0] != now:
            self._known = now, await reader.run(self._read, long=True)
        return self._known[1]


def _written(db: Connection) -> tuple[int, int]:
    """Another after each commit: of other connections by the first, of this one by the second."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version), db.total_changes


class Lists:
    """`reader`: always the same one."""

    def __init__(self, reader: Runner, incarnation: int, apps_max: int = APPS_MAX) -> None:
        self._reader = reader
        self._decoded = Kept[Unit](lambda row: units.from_row(row, incarnation), apps_max)
        self._status = Kept[Status](status.from_row, apps_max)
        self._units = Unwritten(self._read_units)
        self._standings = Unwritten(self._read_standings)

    async def units(self) -> tuple[Unit, ...]:
        return (await self._units.told(self._reader))[0]

    async def damaged(self) -> tuple[Damaged, ...]:
        """Those that are missing among them."""
        return (await self._units.told(self._reader))[1]

    async def standings(self) -> dict[AppId, Standing]:
        return dict(await self._standings.told(self._reader))

    def _read_units(self, db: Connection) -> tuple[tuple[Unit, ...], tuple[Damaged, ...]]:
        rows = db.execute(_UNITS, (units.KIND,)).fetchall()
        found = self._decoded.all(rows)
        missing = [AppId(row[0]) for row in rows if row[0] not in found]
        return tuple(found.values()), tuple(d for id in missing for d in units.damaged(db, id))

    def _read_standings(self, db: Connection) -> dict[AppId, Standing]:
        seen = self._status.all(db.execute(_STATUS, (units.KIND,)))
        return {
            id: Standing(seen.get(id), newest or 0, serving or 0)
            for id, newest, serving in db.execute(_RELEASES, (units.KIND,))
        }
