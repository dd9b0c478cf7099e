"""All that passes ask of several apps, as of one of the states that are kept."""

from collections.abc import Collection, Sequence

from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Remembered
from setpoint.testing.store.jobs import live_and_newest
from setpoint.testing.store.tables import SPOILED, Rows


def remembered(
    rows: Rows, spoiled: Collection[AppId], ids: Sequence[AppId], releases: int, jobs: int
) -> dict[AppId, Remembered | Unreadable]:
    return {
        id: Unreadable(SPOILED) if id in spoiled else _one(rows, id, releases, jobs)
        for id in ids
        if id in rows.units
    }


def _one(rows: Rows, id: AppId, releases: int, jobs: int) -> Remembered:
    return Remembered(
        rows.units[id],
        rows.status.get(id),
        rows.builds.get(id, ()),
        rows.releases.get(id, ())[:releases],
        live_and_newest(rows.jobs.get(id, ()), jobs),
        rows.left_open.get(id, ()),
        rows.cursor,
    )
