"""Reads that see the past."""

from collections.abc import Sequence

from setpoint.model.app import Unit
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.model.job import Job
from setpoint.model.release import Build, Release
from setpoint.store.port import Remembered, Status
from setpoint.testing.faults import Faults
from setpoint.testing.store.jobs import live_and_newest
from setpoint.testing.store.remembered import remembered
from setpoint.testing.store.tables import Rows, Tables


class StaleReads:
    """The same memory, read through a replica that lags: some of the reads see the past.

    Writes, and whatever is not overridden here, go to the store itself.
    """

    def __init__(self, store: Tables, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    @property
    def _seen(self) -> Rows:
        if self._faults.strikes(self._faults.rates.stale):
            return self._faults.luck.choice(self._store.past)
        return self._store.rows

    async def unit(self, id: AppId) -> Unit | None:
        return self._seen.units.get(id)

    async def remembered(
        self, ids: Sequence[AppId], releases: int, jobs: int
    ) -> dict[AppId, Remembered | Unreadable]:
        return remembered(self._seen, self._store.spoiled, ids, releases, jobs)

    async def units(self) -> tuple[Unit, ...]:
        return tuple(self._seen.units.values())

    async def builds(self, app: AppId) -> tuple[Build, ...]:
        return self._seen.builds.get(app, ())

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        return self._seen.releases.get(app, ())[:limit]

    async def status(self, unit: AppId) -> Status | None:
        return self._seen.status.get(unit)

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        return live_and_newest(self._seen.jobs.get(app, ()), limit)
