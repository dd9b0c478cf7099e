"""Webhooks: what happens is told to whoever wants to hear of it.

Two halves. Events become deliveries, together with how far that has come, in one transaction: each
event once, whoever dies. Deliveries that are due are sent, one after the other to each webhook and
to all of them at once; one that was under way at a death is sent again, with its id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from setpoint.converge.happened import Happened, Place, happened
from setpoint.formats import webhooks as format_
from setpoint.formats.heroku.write import derived, when
from setpoint.model.app import Unit, Webhook
from setpoint.model.errors import DriverError, StoreError, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.webhook import Delivery
from setpoint.planning import webhooks as planning
from setpoint.store.port import Event, Store

LOOK_S, QUIET_S = 1.0, 0.05
EVENTS_AT_ONCE = 500
SENT_AT_ONCE = 50
"""of one webhook, before others' states are written"""

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""(address, headers, body) -> the answer's status. Raises Transient, Terminal."""


@dataclass(frozen=True)
class _Hook:
    """With what is sealed of it in the clear; never shown."""

    url: str
    secret: str
    authorization: str


class Notices:
    """`now`: unix seconds; `luck`: 0 to 1."""

    def __init__(
        self,
        store: Store,
        post: Post,
        place: Callable[[], Place],
        now: Callable[[], float],
        luck: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._store = store
        self._post = post
        self._place = place
        self._now = now
        self._luck = luck
        self._log = log
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._taken_in: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                with contextlib.suppress(StoreError):
                    await self.look()
                await self._pause()
        finally:
            await self._end()

    async def _pause(self) -> None:
        """Until something happens, where somebody wants to hear of it; deliveries come due."""
        await asyncio.sleep(QUIET_S)
        place = self._taken_in
        with contextlib.suppress(TimeoutError, StoreError):
            async with asyncio.timeout(LOOK_S):
                await (self._store.news(place) if place is not None else asyncio.sleep(LOOK_S))

    async def look(self) -> None:
        """Takes in what happened, and begins with what is due. Raises StoreError."""
        place = await self._store.told_up_to()
        if place is not None:
            units = await self._units()
            await self._take_in(place, units)
        await self._begin()

    async def idle(self) -> None:
        """Nothing is under way any more."""
        await asyncio.gather(*self._busy.values())

    async def _end(self) -> None:
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- events -> deliveries -------------------------------------------------------------------

    async def _units(self) -> dict[AppId, Unit]:
        """Those with a webhook."""
        found: dict[AppId, Unit] = {}
        for app in await self._store.senders():
            with contextlib.suppress(Unreadable):
                unit = await self._store.unit(app)
                if unit is not None and unit.intent.webhooks:
                    found[app] = unit
        return found

    async def _take_in(self, place: int, units: Mapping[AppId, Unit]) -> None:
        floor, _ = await self._store.event_bounds()
        if floor > place:
            self._log.error("webhooks.missed", extra={"events": floor - place})
            place = floor
        while events := await self._store.events(place, EVENTS_AT_ONCE):
            new: list[Delivery] = []
            for event in events:
                unit = units.get(AppId(event.unit))
                if unit is not None:
                    new += await self._deliveries(unit, event)
            place = events[-1].cursor
            await self._store.record_notices(new, place)
        self._taken_in = place
        if not units:
            self._taken_in = None
            await self._store.record_notices((), None)

    async def _deliveries(self, unit: Unit, event: Event) -> list[Delivery]:
        wanted = {name for hook in unit.intent.webhooks.values() for name in hook.include}
        found: list[Delivery] = []
        number = 0
        async for told in happened(self._store, self._place(), unit, event):
            number += 1
            if told.include in wanted:
                found += self._addressed(unit, event, number, told)
        return found

    def _addressed(self, unit: Unit, event: Event, number: int, told: Happened) -> list[Delivery]:
        now_s = self._now()
        id = derived(unit.id, "event", event.cursor, number)
        payload = {
            "id": id,
            "created_at": when(now_s),
            "updated_at": when(now_s),
            "published_at": when(now_s),
            "action": told.action,
            "actor": {"id": derived("user", told.by), "email": told.by},
            "resource": told.resource,
            "data": msgspec.to_builtins(told.data),
            "previous_data": told.previous,
            "sequence": f"{event.cursor}.{number}",
            "version": format_.VERSION,
        }
        return [
            Delivery(
                id=derived(id, "delivery", hook_id),
                app=unit.id,
                webhook=hook_id,
                event=id,
                include=told.include,
                level=hook.level,
                payload=payload,
                created_at_s=now_s,
                next_at_s=now_s,
            )
            for hook_id, hook in unit.intent.webhooks.items()
            if told.include in hook.include
        ]

    # --- deliveries -> out ----------------------------------------------------------------------

    async def _begin(self) -> None:
        self._busy = {id: task for id, task in self._busy.items() if not task.done()}
        due = await self._store.due_notices(self._now(), SENT_AT_ONCE, tuple(self._busy))
        for webhook, several in due.items():
            self._busy[webhook] = asyncio.create_task(self._send_all(webhook, several))

    async def _send_all(self, webhook: str, several: tuple[Delivery, ...]) -> None:
        try:
            hook = await self._hook(several[0].app, webhook)
            for delivery in several:
                await self._store.record_tried(await self._tried(hook, delivery))
        except StoreError as error:  # then they are due as before
            self._log.warning("webhooks.unknown", extra={"error": error.message})

    async def _hook(self, app: AppId, webhook: str) -> _Hook | None:
        """None where it is no more."""
        unit = await self._store.unit(app)
        said: Webhook | None = unit.intent.webhooks.get(webhook) if unit is not None else None
        if said is None:
            return None
        refs = {"url": said.url, "secret": said.secret}
        if said.authorization is not None:
            refs["authorization"] = said.authorization
        return _Hook(**{"authorization": "", **await self._store.reveal(refs)})

    async def _tried(self, hook: _Hook | None, delivery: Delivery) -> Delivery:
        if hook is None:
            return replace(delivery, status="failed", next_at_s=None, error="it was removed")
        code, error = await self._sent(hook, delivery)
        return planning.after(delivery, code, error, self._now(), self._luck())

    async def _sent(self, hook: _Hook, delivery: Delivery) -> tuple[int | None, str]:
        content = format_.body(delivery)
        headers = format_.headers(content, hook.secret, hook.authorization)
        try:
            return await self._post(hook.url, headers, content), ""
        except DriverError as error:
            return None, error.message
