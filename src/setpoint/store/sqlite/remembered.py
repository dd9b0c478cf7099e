"""All that passes ask of several apps at once, as of one moment.

One statement asks all that every app has a row of, and whether it has builds, releases or jobs:
most have none to be read. A statement each took twice as long, and once for each app three times.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Remembered
from setpoint.store.sqlite import builds, jobs, releases, status, units
from setpoint.store.sqlite.connection import Connection


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column.strip()}" for column in columns.split(","))


_SELECT = f"""
SELECT unit.id, {_of("unit", units.COLUMNS)},
    {_of("status", status.COLUMNS)},
    EXISTS (SELECT 1 FROM build WHERE app = unit.id),
    EXISTS (SELECT 1 FROM release WHERE app = unit.id),
    EXISTS (SELECT 1 FROM job WHERE app = unit.id),
    (SELECT group_concat(id) FROM journal WHERE state = 'planned' AND app = unit.id),
    (SELECT seq FROM sqlite_sequence WHERE name = 'event')
FROM unit LEFT JOIN status ON status.unit = unit.id WHERE unit.forgotten = 0 AND unit.id
"""
_ONE = _SELECT + "= ?"
_SEVERAL = _SELECT + "IN (SELECT value FROM json_each(?))"

_UNIT = slice(1, 1 + units.COLUMNS.count(",") + 1)
_STATUS = slice(_UNIT.stop, _UNIT.stop + status.COLUMNS.count(",") + 1)


def of_apps(
    db: Connection, incarnation: int, ids: Sequence[AppId], releases_max: int, jobs_max: int
) -> dict[AppId, Remembered | Unreadable]:
    found: dict[AppId, Remembered | Unreadable] = {}
    for row in _rows(db, ids):
        id = row[0]
        has_builds, has_releases, has_jobs, left_open, cursor = row[_STATUS.stop :]
        try:
            found[id] = Remembered(
                units.from_row(row[_UNIT], incarnation),
                status.from_row(row[_STATUS]) if row[_STATUS.start] is not None else None,
                builds.of_app(db, id) if has_builds else (),
                releases.of_app(db, id, releases_max) if has_releases else (),
                jobs.of_app(db, id, jobs_max) if has_jobs else (),
                tuple(sorted(map(int, left_open.split(",")))) if left_open else (),
                cursor or 0,
            )
        except Unreadable as error:
            found[id] = error
    return found


def _rows(db: Connection, ids: Sequence[AppId]) -> Sequence[Sequence[Any]]:
    if len(ids) == 1:
        return db.execute(_ONE, ids).fetchall()
    return db.execute(_SEVERAL, (msgspec.json.encode(ids).decode(),)).fetchall()
