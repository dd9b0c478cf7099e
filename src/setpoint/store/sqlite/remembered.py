"""All that passes ask of several apps at once, as of one moment.

Most apps have no builds, releases or jobs of their own to be read, so who has any is asked of all
together; one question for each app and each table took three times as long.
"""

from collections.abc import Sequence

import msgspec

from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Remembered
from setpoint.store.sqlite import builds, events, jobs, releases, status, units
from setpoint.store.sqlite.connection import Connection

_AMONG = "IN (SELECT value FROM json_each(?))"

_UNITS = f"SELECT id, {units.COLUMNS} FROM unit WHERE forgotten = 0 AND id {_AMONG}"
_STATUS = f"SELECT unit, {status.COLUMNS} FROM status WHERE unit {_AMONG}"
_HAVING = "SELECT DISTINCT app FROM {} WHERE app " + _AMONG
_OPEN = f"SELECT app, id FROM journal WHERE state = 'planned' AND app {_AMONG} ORDER BY id"


def of_apps(
    db: Connection, incarnation: int, ids: Sequence[AppId], releases_max: int, jobs_max: int
) -> dict[AppId, Remembered | Unreadable]:
    asked = (msgspec.json.encode(ids).decode(),)
    read = _Read(db, incarnation, asked, releases_max, jobs_max)
    found: dict[AppId, Remembered | Unreadable] = {}
    for id, *row in db.execute(_UNITS, asked).fetchall():
        try:
            found[id] = read.one(id, row)
        except Unreadable as error:
            found[id] = error
    return found


class _Read:
    """What is read once for all of them."""

    def __init__(
        self,
        db: Connection,
        incarnation: int,
        asked: tuple[str],
        releases_max: int,
        jobs_max: int,
    ) -> None:
        self._db = db
        self._incarnation = incarnation
        self._max = releases_max, jobs_max
        self._status = {id: row for id, *row in db.execute(_STATUS, asked)}
        self._building = self._having("build", asked)
        self._releasing = self._having("release", asked)
        self._working = self._having("job", asked)
        self._open: dict[str, tuple[int, ...]] = {}
        for app, entry in db.execute(_OPEN, asked):
            self._open[app] = (*self._open.get(app, ()), entry)
        self._cursor = events.bounds(db)[1]

    def one(self, id: AppId, row: Sequence[object]) -> Remembered:
        db, (releases_max, jobs_max) = self._db, self._max
        known = self._status.get(id)
        return Remembered(
            units.from_row(row, self._incarnation),
            status.from_row(known) if known is not None else None,
            builds.of_app(db, id) if id in self._building else (),
            releases.of_app(db, id, releases_max) if id in self._releasing else (),
            jobs.of_app(db, id, jobs_max) if id in self._working else (),
            self._open.get(id, ()),
            self._cursor,
        )

    def _having(self, table: str, asked: tuple[str]) -> frozenset[str]:
        return frozenset(app for (app,) in self._db.execute(_HAVING.format(table), asked))
