"""The edge agent's mind: every event goes in here, and each part is told what concerns it.

a route is set   -> table -> Envoy; once it confirms -> the daemon is woken
facts arrive     -> table -> Envoy; drains and held requests look again
Envoy confirms   -> drains and held requests look again
a host is greeted over TLS -> its certificate -> Envoy
a request waits  -> demand to the supervisor, once per set, until it comes up
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from setpoint.drivers.authority import Authority
from setpoint.drivers.envoy import wire
from setpoint.drivers.envoy.ads import Ads
from setpoint.drivers.envoy.certificates import Certificates
from setpoint.drivers.envoy.counts import Counts
from setpoint.drivers.envoy.drains import Drains
from setpoint.drivers.envoy.dynos import Dynos
from setpoint.drivers.envoy.hold import Holds
from setpoint.drivers.envoy.hot import HotSet
from setpoint.drivers.envoy.memory import Memory
from setpoint.drivers.envoy.news import News
from setpoint.drivers.envoy.server import Ears, EnvoyServer
from setpoint.drivers.envoy.snapshot import Name, Snapshot
from setpoint.drivers.envoy.supervisor import Listener, SupervisorLink
from setpoint.drivers.envoy.table import Table
from setpoint.drivers.envoy.traffic import Traffic
from setpoint.formats.control import Activity, Demand, Drained, DropRoute, LogLine, SetRoute
from setpoint.formats.envoy.clusters import cluster_name
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.resource import Kind
from setpoint.formats.envoy.router_log import Entry, router_line
from setpoint.model.errors import DriverError, Transient
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import SetFacts

_log = logging.getLogger(__name__)

FACTS_KEPT_EVERY_S = 1.0
RENEW_EVERY_S = 3600.0
WANT_AGAIN_S = 1.0
"""A want is repeated while it lasts: a supervisor that was restarted has not heard it."""


class Agent:
    """`now_s`: unix seconds. `supervisor`: its control socket. `folder`: the agent's memory."""

    def __init__(
        self, folder: Path, supervisor: Path, limits: Limits, now_s: Callable[[], float]
    ) -> None:
        self._now_s = now_s
        self._memory = Memory(folder)
        self.table = Table(Snapshot(wire.pack), limits)
        self._certificates = Certificates(Authority(folder, now_s), self.table, now_s)
        self._ads = Ads(self.table.snapshot, self._settled, self._certificates.make)
        self.news = News(self.table, self._ads)
        self._holds = Holds(self._look, self._want, limits)
        self._drains = Drains(
            self._ads, tell=lambda id: self.supervisor.tell(Drained(id)), later=_later
        )
        self._hot = HotSet(self.table, self._ads.changed, limits, now_s, _later)
        self._traffic = Traffic(self._busy)
        self._dynos = Dynos()
        self.counts = Counts(now_s)
        self.supervisor = SupervisorLink(supervisor, Listener(self._facts, self._all_facts))
        self.server = EnvoyServer(self._ads, self._holds, Ears(self._logged, self._traffic.heard))
        self._facts_known = asyncio.Event()
        self._facts_unsaved = False

    # --- living -------------------------------------------------------------------------------

    def recall(self) -> None:
        """What was known before: routes with their fences, and the last facts."""
        self._certificates.begin()
        kept, dropped = self._memory.routes()
        for message in dropped:
            self.table.fences[message.app] = message.fence
        for message in kept:
            try:
                self.table.set_route(message)
                self._certificates.given(message)
            except DriverError as error:
                _log.error("cannot take up a remembered route: %s", error)
        for facts in sorted(self._memory.facts(), key=lambda facts: -facts.last_used_s):
            self._facts(facts.key, facts)

    async def first_facts(self, wait_s: float) -> None:
        """Until the supervisor has given its account, or `wait_s` have passed without one: Envoy
        must not be told by an agent that knows nothing yet that nothing runs."""
        try:
            async with asyncio.timeout(wait_s):
                await self._facts_known.wait()
        except TimeoutError:
            pass

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.run())
            group.create_task(self._keep())
            group.create_task(self._want_again())
            group.create_task(self._renew())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(FACTS_KEPT_EVERY_S)
            self._memory.save()
            if self._facts_unsaved:
                self._facts_unsaved = False
                self._memory.keep_facts(self.table.facts.values())

    async def _want_again(self) -> None:
        while True:
            await asyncio.sleep(WANT_AGAIN_S)
            for cluster, waiting in self._holds.waiting().items():
                self._want(cluster, waiting)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            self._ads.changed(self._certificates.renew())

    # --- routes, from the daemon --------------------------------------------------------------

    def set_route(self, message: SetRoute) -> None:
        """Raises Stale, Terminal or Transient; then nothing has changed. But where a host is still
        another app's, those that this one has no more are free."""
        try:
            changed = self.table.set_route(message) | self._certificates.given(message)
        except Transient:
            if (less := self.table.letting_go(message)) is not None:
                self.set_route(less)
            raise
        self._memory.keep(message)
        self._ads.changed(changed | self._certificates.drop(changed))
        self.news.route(message.route.app)

    def drop_route(self, message: DropRoute) -> None:
        changed = self.table.drop_route(message) | self._certificates.taken(message.app)
        self.counts.drop(message.app)
        self._memory.keep(message)
        self._ads.changed(changed | self._certificates.drop(changed))
        self.news.route(message.app)

    # --- facts, from the supervisor -----------------------------------------------------------

    def _facts(self, key: SetKey, facts: SetFacts | None) -> None:
        changed = self._hot.facts(key, facts)
        self._facts_unsaved = self._facts_unsaved or bool(changed)
        if facts is None:
            self._drains.forget(key)
        else:
            self._dynos.learn(facts)
        self._ads.changed(changed)
        self._look_again(key)

    def _all_facts(self, present: set[SetKey]) -> None:
        for key in self.table.absent(present):
            self._facts(key, None)
        for key, facts in self.table.facts.items():
            self._drains.forget(key)  # a supervisor that was restarted has not heard it
            self._drains.look(facts)
        self._facts_known.set()

    def _look_again(self, key: SetKey) -> None:
        self._holds.changed(cluster_name(key))
        if facts := self.table.facts.get(key):
            self._drains.look(facts)

    # --- Envoy --------------------------------------------------------------------------------

    def _settled(self, names: set[Name]) -> None:
        """An Envoy has confirmed or refused these."""
        for kind, name in names:
            if kind in (Kind.CLUSTER, Kind.ENDPOINTS) and (key := self.table.keys.get(name)):
                self._look_again(key)
        self.news.settled(names)

    def _look(self, cluster: str) -> tuple[SetFacts | None, bool]:
        key = self.table.keys.get(cluster)
        confirmed = self._ads.confirmed(Kind.ENDPOINTS, cluster)
        return (self.table.shown.get(key) if key is not None else None), confirmed

    def _want(self, cluster: str, waiting: int) -> None:
        """A function is wanted at once, while Envoy still learns of its cluster. Once it is on its
        way its own socket tells whether more are."""
        if key := self.table.keys.get(cluster):
            facts = self.table.facts.get(key)
            enough = facts is not None and facts.socket is not None and bool(facts.up)
            self.supervisor.tell(Demand(key, 0 if enough else waiting))
            self._hot.wanted(key, waiting)

    def _busy(self, cluster: str, in_flight: int) -> None:
        """Only where it can matter: a set of fixed size is never stopped for want of requests."""
        key = self.table.keys.get(cluster)
        facts = self.table.facts.get(key) if key is not None else None
        if facts is None:
            return
        self._hot.used(facts.key)
        if facts.bounds.min == facts.bounds.max:
            return
        self.supervisor.tell(Activity(facts.key, in_flight, self._now_s()))

    def _logged(self, entries: list[Entry]) -> None:
        lines: dict[AppId, list[LogLine]] = {}
        for entry in entries:
            app = AppId(entry.app)
            if app in self.table.entries:
                self.counts.note(app, self._process(app, entry), entry)
                text = router_line(entry, self._dynos.name(entry.upstream))
                lines.setdefault(app, []).append(LogLine(entry.at_s, "heroku", "router", text))
        for app, found in lines.items():
            self.supervisor.log(app, found)

    def _process(self, app: AppId, entry: Entry) -> str:
        """By the host, since an answer of the edge's own comes from no cluster."""
        if found := self.table.process(app, entry.host):
            return found
        key = self.table.keys.get(entry.cluster)
        return key.process if key is not None else ""


def _later(after_s: float, then: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(after_s, then)
