"""A simulated store: the whole port in memory, linearizable, one dict per table.

It keeps its last few states, so that `StaleReads` can answer from the past. It fails only where
the real one may: conflicts. Lost answers and outages are added around it (faults.py).
"""

from collections.abc import Sequence

import msgspec

from setpoint.model.clock import Mark
from setpoint.model.errors import StoreError, Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Remembered, Standing
from setpoint.testing.store.accounts import Accounts
from setpoint.testing.store.held import Held
from setpoint.testing.store.intents import Intents
from setpoint.testing.store.jobs import Jobs
from setpoint.testing.store.releases import Releases
from setpoint.testing.store.remembered import remembered
from setpoint.testing.store.retention import Keeping
from setpoint.testing.store.senders import Senders
from setpoint.testing.store.stale import StaleReads
from setpoint.testing.store.story import Outcomes, Story

__all__ = ["Held", "Outcomes", "SimStore", "StaleReads"]


class SimStore(Intents, Story, Releases, Jobs, Keeping, Accounts, Senders):
    """Implements store.port.Store."""

    async def remembered(
        self, ids: Sequence[AppId], releases: int, jobs: int
    ) -> dict[AppId, Remembered | Unreadable]:
        return remembered(self.rows, self.spoiled, ids, releases, jobs)

    async def standings(self) -> dict[AppId, Standing]:
        return {id: self._standing(id) for id in self.rows.units}

    def _standing(self, id: AppId) -> Standing:
        seen, releases = self.rows.status.get(id), self.rows.releases.get(id, ())
        status = msgspec.structs.replace(seen, summary=b"null") if seen is not None else None
        serving = next((r.version for r in releases if r.status == "succeeded"), 0)
        return Standing(status, releases[0].version if releases else 0, serving)

    async def refusal(self) -> StoreError | None:
        return self.refused

    async def mark(self, mark: Mark) -> None:
        """No commit that counts: it says nothing of any app."""
        self.mark_kept, self.refused = mark, None

    async def marked(self) -> Mark | None:
        return self.mark_kept

    async def close(self) -> None:
        """Memory goes with the process."""
