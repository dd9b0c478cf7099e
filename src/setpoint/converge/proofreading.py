"""Reads all journals over, soon after the start and then now and then: an entry that was damaged
since is told of before somebody needs it.

A little at a time, since others read meanwhile. What was found is the store's to remember.
"""

import asyncio
from logging import Logger

from setpoint.model.errors import SetpointError
from setpoint.store.port import Store

FIRST_S, PERIOD_S, PAUSE_S = 30.0, 3600.0, 0.05
PORTION = 500
"""some three milliseconds of one core"""


class Proofreading:
    def __init__(self, store: Store, log: Logger) -> None:
        self._store = store
        self._log = log

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.read_over()
            except SetpointError as error:
                self._log.warning("journal.unread", extra={"error": str(error)})
            except Exception:  # of damage that nobody has thought of: the daemon goes on
                self._log.exception("journal.broke")
            await asyncio.sleep(PERIOD_S)

    async def read_over(self) -> None:
        """Raises StoreError."""
        place = await self._store.proofread(0, PORTION)
        while place is not None:
            await asyncio.sleep(PAUSE_S)
            place = await self._store.proofread(place, PORTION)
