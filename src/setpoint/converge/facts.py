"""What the world holds, by app, as drivers saw it at one look."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from setpoint.converge.slices import in_slices
from setpoint.converge.within import within
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.ids import AppId
from setpoint.model.job import JobFacts
from setpoint.model.layer import Altered
from setpoint.model.process import SetFacts
from setpoint.model.release import Build
from setpoint.model.route import RouteFacts


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
    """The whole world as drivers saw it, or some apps of it, by app."""

    sets: dict[AppId, list[SetFacts]] = field(default_factory=lambda: defaultdict(list))
    builds: dict[AppId, list[Build]] = field(default_factory=lambda: defaultdict(list))
    jobs: dict[AppId, list[JobFacts]] = field(default_factory=lambda: defaultdict(list))
    routes: dict[AppId, RouteFacts] = field(default_factory=dict[AppId, RouteFacts])
    altered: tuple[Altered, ...] = ()

    def beyond(self, known: frozenset[AppId]) -> dict[AppId, Facts]:
        """Those that are none of these, and of which something runs or is routed."""
        return {app: self.of(app) for app in self._at_work() if app not in known}

    def _at_work(self) -> Iterator[AppId]:
        working = (
            app for app, jobs in self.jobs.items() if any(j.state == "running" for j in jobs)
        )
        return chain(self.sets, self.routes, working)

    @property
    def named(self) -> tuple[AppId, ...]:
        """Of which there is anything, in the order in which it was told; some more than once."""
        return (*self.sets, *self.builds, *self.jobs, *self.routes)

    def has(self, app: AppId) -> bool:
        """Whether it is one of `named`."""
        return app in self.routes or app in self.sets or app in self.builds or app in self.jobs

    def of(self, app: AppId) -> Facts:
        """Of most apps there is a route and nothing else."""
        sets, builds, jobs = self.sets.get(app), self.builds.get(app), self.jobs.get(app)
        return Facts(
            tuple(sorted(sets, key=lambda s: s.key)) if sets else (),
            tuple(builds) if builds else (),
            tuple(sorted(jobs, key=lambda j: j.id)) if jobs else (),
            self.routes.get(app),
            self.altered,
        )


async def look(
    driver: Driver, edge: Edge, timeout_s: float, only: Sequence[AppId] | None = None
) -> Snapshot:
    """A look at the whole world, or at these apps. Raises DriverError."""
    async with within(timeout_s, "look at the world"):
        seen = await driver.observe(only)
        routes = await edge.observe(only)
    snapshot = Snapshot(altered=seen.altered)
    for facts in seen.sets:
        snapshot.sets[facts.key.app].append(facts)
    for build in seen.builds:
        snapshot.builds[build.app].append(build)
    for job in seen.jobs:
        snapshot.jobs[job.app].append(job)
    async for some in in_slices(routes):
        snapshot.routes.update((r.route.app, r) for r in some)
    return snapshot
