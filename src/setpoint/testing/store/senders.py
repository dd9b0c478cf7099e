"""What the simulated store knows of things that are sent elsewhere."""

from collections.abc import Sequence

from setpoint.model.drain import Shipped
from setpoint.model.ids import AppId
from setpoint.testing.store.tables import Tables


class Senders(Tables):
    async def senders(self) -> dict[AppId, int]:
        return {u.id: u.rev for u in self.rows.units.values() if u.intent.sends}

    async def shipped(self, app: AppId | None = None) -> tuple[Shipped, ...]:
        found = (s for s in self.sent.values() if app in (None, s.app))
        return tuple(sorted(found, key=lambda s: s.drain))

    async def record_shipped(self, states: Sequence[Shipped], gone: Sequence[str] = ()) -> None:
        self.sent |= {s.drain: s for s in states}
        for drain in gone:
            self.sent.pop(drain, None)
        self._committed()
