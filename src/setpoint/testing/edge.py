"""The simulated edge: routes that Envoy confirms a moment later, and what hosts are served with.

As the real one it holds that a host is one app's at a time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.errors import Terminal, Transient
from setpoint.model.ids import AppId, Fence, InstanceId, SetKey
from setpoint.model.route import Route, RouteFacts
from setpoint.testing.supervisor import SimSupervisor

ACK_S = 0.05
DRAINED_S = 0.1
PART = 2
"""Routes that are told at once, where everything is asked for."""


class SimEdge:
    """Implements drivers.ports.Edge; asks the supervisor for starts, as the edge agent does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, supervisor: SimSupervisor) -> None:
        self._loop = loop
        self._supervisor = supervisor
        supervisor.on_draining = self._on_draining
        self.up = True
        self.heard = True
        """whether whoever watches is told"""
        self.routes: dict[AppId, RouteFacts] = {}
        self.fences: dict[AppId, Fence] = {}
        self.pems: dict[AppId, dict[str, str]] = {}
        """by app and host: the chain and key of those with a certificate of their own"""
        self.on_command: Callable[[str, AppId, Fence], None] = lambda verb, app, fence: None
        self.on_route: Callable[[Route], None] = lambda route: None
        self.served = 0
        self.meddled: set[AppId] = set()
        """whose routes an outsider laid hands on"""
        self.turned_away = 0
        self._watchers: dict[asyncio.Queue[AppId], None] = {}

    async def ensure_route(
        self,
        route: Route,
        invoke_key_ref: SecretRef | None,
        invoke_key: str,
        certificates: Mapping[str, str] = {},
    ) -> None:
        self._check_fence(route.app, route.fence)
        self._check_hosts(route)
        self.on_command("ensure_route", route.app, route.fence)
        self.on_route(route)
        self.pems[route.app] = {
            host: certificates[one.pem.key] for one in route.certificates for host in one.hosts
        }
        known = self.routes.get(route.app)
        same = known is not None and known.route.same_as(route)
        if known is not None and same and known.invoke_key == invoke_key_ref:
            self.routes[route.app] = msgspec.structs.replace(known, route=route)
            return
        self._send(RouteFacts(route, False, "", invoke_key_ref))

    async def remove_route(self, app: AppId, fence: Fence) -> None:
        self._check_fence(app, fence)
        self.on_command("remove_route", app, fence)
        self._drop(app)

    async def observe(self, only: Collection[AppId] | None = None) -> tuple[RouteFacts, ...]:
        if not self.up:
            raise Transient("cannot reach the edge: it is down")
        if only is None:
            return tuple(self.routes.values())
        return tuple(self.routes[app] for app in only if app in self.routes)

    async def everything(self) -> AsyncGenerator[tuple[RouteFacts, ...]]:
        for start in range(0, len(routes := await self.observe()), PART):
            yield routes[start : start + PART]

    async def changes(self) -> AsyncIterator[AppId]:
        queue: asyncio.Queue[AppId] = asyncio.Queue()
        self._watchers[queue] = None
        try:
            for app in sorted(self.routes):
                yield app
            while True:
                yield await queue.get()
        finally:
            self._watchers.pop(queue, None)

    def lose(self, app: AppId) -> None:
        """An outsider takes its route away."""
        self.meddled.add(app)
        self._drop(app)

    def _drop(self, app: AppId) -> None:
        self.pems.pop(app, None)
        if self.routes.pop(app, None) is not None:
            self._tell(app)

    def lose_all(self) -> None:
        for app in list(self.routes):
            self._drop(app)

    def spoil(self, app: AppId) -> None:
        """Its hosts lead nowhere from now on, and nobody was asked."""
        self.meddled.add(app)
        facts = self.routes[app]
        nowhere = tuple(msgspec.structs.replace(b, target=None) for b in facts.route.backends)
        spoiled = msgspec.structs.replace(facts.route, backends=nowhere)
        changed = self.routes[app] = msgspec.structs.replace(facts, route=spoiled)
        if not facts.acked:
            self._send(changed)
        self._tell(app)

    def target(self, app: AppId, process: str) -> SetKey | None:
        """Where requests for this process go now."""
        facts = self.routes.get(app)
        backends = facts.route.backends if facts is not None else ()
        return next((b.target for b in backends if b.process == process), None)

    def request(self, app: AppId, process: str) -> bool:
        """One request arrives. Answered now, or held while one instance is asked for?"""
        facts = self.routes.get(app)
        backends = facts.route.backends if facts is not None else ()
        backend = next((b for b in backends if b.process == process), None)
        slot = None
        if backend is not None and backend.target is not None:
            slot = self._supervisor.slots.get(backend.target)
        if backend is None or slot is None or not (slot.ready or backend.hold):
            self.turned_away += 1
            return False
        self._supervisor.want(slot.order.key)
        self.served += 1
        return True

    def _on_draining(self, id: InstanceId) -> None:
        self._loop.call_later(DRAINED_S, self._supervisor.drained, id)

    def _check_fence(self, app: AppId, fence: Fence) -> None:
        if not self.up:
            raise Transient("cannot reach the edge: it is down")
        highest = self.fences.get(app)
        if highest is not None and fence < highest:
            raise Terminal(f"cannot obey generation {fence}: {highest} was seen already")
        self.fences[app] = fence

    def _check_hosts(self, route: Route) -> None:
        others = {h for app in self.routes if app != route.app for h in self.hosts(app)}
        wanted = {h for b in route.backends for h in b.hosts}
        if taken := sorted(others & wanted):
            self._let_go(route.app, wanted)
            raise Transient(f"cannot route {route.app_name}: {taken[0]} still belongs to another")

    def _let_go(self, app: AppId, wanted: set[str]) -> None:
        """What it has no more is free for whoever waits for it, who may have what it waits for."""
        if app not in self.routes or wanted.issuperset(self.hosts(app)):
            return
        facts = self.routes[app]
        kept = (
            msgspec.structs.replace(b, hosts=tuple(h for h in b.hosts if h in wanted))
            for b in facts.route.backends
        )
        left = msgspec.structs.replace(facts.route, backends=tuple(b for b in kept if b.hosts))
        self._send(msgspec.structs.replace(facts, route=left, acked=False))
        self.pems[app] = {h: pem for h, pem in self.pems.get(app, {}).items() if h in wanted}

    def hosts(self, app: AppId) -> tuple[str, ...]:
        """Those that lead to this app, as many times as they do."""
        facts = self.routes.get(app)
        backends = facts.route.backends if facts is not None else ()
        return tuple(host for b in backends for host in b.hosts)

    def _send(self, facts: RouteFacts) -> None:
        """Whatever it has from now on Envoy confirms, whoever put it there."""
        self.routes[facts.route.app] = facts
        self._loop.call_later(ACK_S, self._ack, facts.route)

    def _ack(self, route: Route) -> None:
        """Envoy confirms what it was sent; a newer fence on the same route was never sent to it."""
        known = self.routes.get(route.app)
        if known is not None and not known.acked and known.route.same_as(route):
            self.routes[route.app] = msgspec.structs.replace(known, acked=True)
            self._tell(route.app)

    def _tell(self, app: AppId) -> None:
        for watcher in self._watchers if self.heard else ():
            watcher.put_nowait(app)
