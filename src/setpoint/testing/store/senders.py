"""What the simulated store knows of things that are sent elsewhere."""

from collections.abc import Sequence

from setpoint.model.drain import Shipped
from setpoint.model.ids import AppId
from setpoint.model.webhook import Delivery
from setpoint.planning.webhooks import AGAIN_S_LONGEST
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

    async def told_up_to(self) -> int | None:
        hooked = any(unit.intent.webhooks for unit in self.rows.units.values())
        return self.told_to if hooked else None

    async def record_notices(self, new: Sequence[Delivery], up_to: int | None) -> None:
        for delivery in new:
            self.notices_kept.setdefault(delivery.id, delivery)
        self.told_to = up_to if up_to is not None else self.rows.cursor
        self._committed()

    async def record_tried(self, delivery: Delivery) -> None:
        if delivery.id in self.notices_kept:
            self.notices_kept[delivery.id] = delivery
            self._committed()

    async def due_notices(
        self, now_s: float, limit: int, busy: Sequence[str]
    ) -> dict[str, tuple[Delivery, ...]]:
        found: dict[str, tuple[Delivery, ...]] = {}
        for one in self.notices_kept.values():
            late_s = now_s - one.next_at_s if one.next_at_s is not None else -1.0
            due = one.next_at_s is not None and not -AGAIN_S_LONGEST <= late_s < 0.0
            if due and one.webhook not in busy and len(found.get(one.webhook, ())) < limit:
                found[one.webhook] = (*found.get(one.webhook, ()), one)
        return found

    async def notices(self, app: AppId) -> tuple[Delivery, ...]:
        return tuple(n for n in reversed(self.notices_kept.values()) if n.app == app)
