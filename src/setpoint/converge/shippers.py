"""All drains of all apps: who has one is looked up once a second, and nobody else costs anything.

What each has done is remembered so often, too, and when this process ends in order. One that is
killed sends again what it sent in its last second.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from setpoint.converge.shipping import Ports, Shipping
from setpoint.drivers.logplex import Sink
from setpoint.model.app import Drain
from setpoint.model.drain import Shipped
from setpoint.model.errors import StoreError, Unreadable
from setpoint.model.ids import AppId
from setpoint.store.port import Store

LOOK_S = 1.0

SinkFor = Callable[[str, str], Sink]
"""(drain's id, its address)"""


class Shippers:
    def __init__(self, store: Store, sink_for: SinkFor, ports: Ports, log: logging.Logger) -> None:
        self._store = store
        self._sink_for = sink_for
        self._ports = ports
        self._log = log
        self._revs: dict[AppId, int] = {}
        self._running: dict[str, tuple[AppId, Shipping, asyncio.Task[None]]] = {}
        self._remembered: dict[str, Shipped] = {}
        self._gone: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._begin()
            while True:
                with contextlib.suppress(StoreError):
                    await self.look()
                await self._ports.sleep(LOOK_S)
        finally:
            await self._end()

    async def look(self) -> None:
        """As it is now. Raises StoreError."""
        revs = await self._store.senders()
        broken = {app for app, _, task in self._running.values() if task.done()}
        for app in {*revs, *self._revs, *broken}:
            if app in broken or revs.get(app) != self._revs.get(app):
                with contextlib.suppress(Unreadable):  # then it sends as before
                    await self._fit(app)
                self._revs.pop(app, None)
                if app in revs:
                    self._revs[app] = revs[app]
        await self._remember()

    async def _begin(self) -> None:
        """What was remembered of drains that are no more is forgotten."""
        with contextlib.suppress(StoreError):
            self._remembered = {s.drain: s for s in await self._store.shipped()}
            self._gone = set(self._remembered)

    async def _fit(self, app: AppId) -> None:
        unit = await self._store.unit(app)
        wanted = unit.intent.drains if unit is not None else {}
        for id, (owner, _, task) in list(self._running.items()):
            if owner == app and (id not in wanted or task.done()):
                await self._stop(id)
                self._gone |= {id} - wanted.keys()
        for id, drain in wanted.items():
            if id not in self._running:
                await self._start(app, id, drain)

    async def _start(self, app: AppId, id: str, drain: Drain) -> None:
        url = (await self._store.reveal({"url": drain.url}))["url"]
        state = self._remembered.get(id, Shipped(id, app))
        shipping = Shipping(app, drain, self._sink_for(id, url), state, self._ports)
        self._gone.discard(id)
        self._running[id] = (app, shipping, asyncio.create_task(shipping.run()))

    async def _stop(self, id: str) -> None:
        _, shipping, task = self._running.pop(id)
        task.cancel()
        (broke,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(broke, Exception):
            self._log.error("drain.broke", exc_info=broke, extra={"drain": id})
        self._remembered[id] = shipping.state

    async def _remember(self) -> None:
        """What is new since the last time. Raises StoreError."""
        states = {id: shipping.state for id, (_, shipping, _) in self._running.items()}
        news = [s for id, s in states.items() if self._remembered.get(id) != s]
        if news or self._gone:
            await self._store.record_shipped(news, tuple(self._gone))
            for id in self._gone:
                self._remembered.pop(id, None)
            self._gone = set()
            self._remembered |= {s.drain: s for s in news}

    async def _end(self) -> None:
        running = {id: shipping for id, (_, shipping, _) in self._running.items()}
        tasks = [task for _, _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):
            states = [shipping.state for shipping in running.values()]
            news = [s for s in states if self._remembered.get(s.drain) != s]
            if news:
                await self._store.record_shipped(news)
