"""What the world holds, by app, as drivers saw it at one look."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from setpoint.converge.within import within
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.ids import AppId
from setpoint.model.job import JobFacts
from setpoint.model.layer import Altered
from setpoint.model.observed import Seen
from setpoint.model.process import SetFacts
from setpoint.model.release import Build
from setpoint.model.route import RouteFacts

LOOK = "look at the world"


class Facts(msgspec.Struct, frozen=True):
    """What the world holds of one app, as drivers saw it."""

    sets: tuple[SetFacts, ...] = ()
    builds: tuple[Build, ...] = ()
    jobs: tuple[JobFacts, ...] = ()
    route: RouteFacts | None = None
    altered: tuple[Altered, ...] = ()
    """layers that any app may run on"""


_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def digest(facts: Facts) -> bytes:
    """The same for the same facts, in every process; a tenth of their size."""
    return hashlib.blake2b(_encode(facts), digest_size=16).digest()


EMPTY = Facts()
NOTHING = digest(EMPTY)


@dataclass(frozen=True)
class Snapshot:
    """The world as drivers saw it, or some apps of it, by app. Of many apps there is a route and
    nothing else: where everything was looked at those are not in it."""

    sets: dict[AppId, list[SetFacts]] = field(default_factory=lambda: defaultdict(list))
    builds: dict[AppId, list[Build]] = field(default_factory=lambda: defaultdict(list))
    jobs: dict[AppId, list[JobFacts]] = field(default_factory=lambda: defaultdict(list))
    routes: dict[AppId, RouteFacts] = field(default_factory=dict[AppId, RouteFacts])
    altered: tuple[Altered, ...] = ()

    @property
    def named(self) -> frozenset[AppId]:
        """Of which there is anything."""
        return frozenset((*self.sets, *self.builds, *self.jobs, *self.routes))

    def at_work(self) -> dict[AppId, Facts]:
        """Those of which something runs or is routed."""
        working = (
            app for app, jobs in self.jobs.items() if any(j.state == "running" for j in jobs)
        )
        return {app: self.of(app) for app in chain(self.sets, self.routes, working)}

    def of(self, app: AppId, route: RouteFacts | None = None) -> Facts:
        """`route`: where it is not in it."""
        sets, builds, jobs = self.sets.get(app), self.builds.get(app), self.jobs.get(app)
        return Facts(
            tuple(sorted(sets, key=lambda s: s.key)) if sets else (),
            tuple(builds) if builds else (),
            tuple(sorted(jobs, key=lambda j: j.id)) if jobs else (),
            route or self.routes.get(app),
            self.altered,
        )


async def look(driver: Driver, edge: Edge, timeout_s: float, only: Sequence[AppId]) -> Snapshot:
    """At these apps. Raises DriverError."""
    async with within(timeout_s, LOOK):
        seen = await driver.observe(only)
        routes = await edge.observe(only)
    snapshot = by_app(seen)
    snapshot.routes.update((r.route.app, r) for r in routes)
    return snapshot


def by_app(seen: Seen) -> Snapshot:
    """Without a route."""
    snapshot = Snapshot(altered=seen.altered)
    for facts in seen.sets:
        snapshot.sets[facts.key.app].append(facts)
    for build in seen.builds:
        snapshot.builds[build.app].append(build)
    for job in seen.jobs:
        snapshot.jobs[job.app].append(job)
    return snapshot
