"""All that a pass asks of one app, as of one of the states that are kept."""

from setpoint.model.ids import AppId
from setpoint.store.port import Remembered
from setpoint.testing.store.jobs import live_and_newest
from setpoint.testing.store.tables import Rows


def remembered(rows: Rows, id: AppId, releases: int, jobs: int) -> Remembered | None:
    unit = rows.units.get(id)
    if unit is None:
        return None
    return Remembered(
        unit,
        rows.status.get(id),
        rows.builds.get(id, ()),
        rows.releases.get(id, ())[:releases],
        live_and_newest(rows.jobs.get(id, ()), jobs),
    )
