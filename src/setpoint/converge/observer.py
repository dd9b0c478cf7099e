"""What is: puts one app's facts together. Looks, and remembers verdicts on builds; no opinions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from setpoint.converge.slices import in_slices
from setpoint.converge.within import within
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.errors import SetpointError, StoreError
from setpoint.model.ids import AppId
from setpoint.model.job import JobFacts
from setpoint.model.layer import Altered
from setpoint.model.observed import Observed
from setpoint.model.process import SetFacts
from setpoint.model.release import Build, Release
from setpoint.model.route import RouteFacts
from setpoint.model.steps import Drift
from setpoint.store.port import Remembered, Status, Store

RELEASES_LOOKED_AT = 20
"""The planner wants the newest that serves; more than this many failed in a row is stalled."""
JOBS_LOOKED_AT = 100
"""of each kind, beside all that have not ended"""


class _Concluded(msgspec.Struct, frozen=True):
    """All that a pass takes from what an earlier one concluded; the rest is skipped over."""

    settled_generation: int = 0
    drift: tuple[Drift, ...] = ()


_decode = msgspec.json.Decoder(_Concluded).decode


class Facts(msgspec.Struct, frozen=True):
    """What the world holds of one app, as drivers saw it."""

    sets: tuple[SetFacts, ...] = ()
    builds: tuple[Build, ...] = ()
    jobs: tuple[JobFacts, ...] = ()
    route: RouteFacts | None = None
    altered: tuple[Altered, ...] = ()
    """layers that any app may run on"""


NOTHING = Facts()


@dataclass(frozen=True)
class Sight:
    """All that a pass knows of one app. `drift`: what an earlier one told of already. `news`:
    builds that memory does not have like this; whatever leans on them comes after they are kept.
    `left_open`, `cursor`: as in Remembered."""

    unit: Unit
    observed: Observed
    status: Status | None
    drift: tuple[Drift, ...] = ()
    news: tuple[Build, ...] = ()
    left_open: tuple[int, ...] = ()
    cursor: int = 0
    facts: Facts = NOTHING


@dataclass(frozen=True)
class Snapshot:
    """The whole world as drivers saw it, or some apps of it, by app."""

    sets: dict[AppId, list[SetFacts]] = field(default_factory=lambda: defaultdict(list))
    builds: dict[AppId, list[Build]] = field(default_factory=lambda: defaultdict(list))
    jobs: dict[AppId, list[JobFacts]] = field(default_factory=lambda: defaultdict(list))
    routes: dict[AppId, RouteFacts] = field(default_factory=dict[AppId, RouteFacts])
    altered: tuple[Altered, ...] = ()

    @property
    def apps(self) -> frozenset[AppId]:
        """Of which something runs or is routed."""
        return frozenset(self._at_work())

    def beyond(self, known: frozenset[AppId]) -> set[AppId]:
        """Those of `apps` that are none of these."""
        return {app for app in self._at_work() if app not in known}

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


class Observer:
    """`timeout_s` bounds every look at the world."""

    def __init__(self, store: Store, driver: Driver, edge: Edge, timeout_s: float) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._timeout_s = timeout_s
        self._capabilities: Capabilities | None = None

    async def look(self, apps: Sequence[AppId]) -> dict[AppId, Sight | SetpointError]:
        """At several at once, first the world and then memory. Nothing of those that are no app
        (any more); of one that cannot be read, why."""
        seen = await self.snapshot(apps)
        remembered = await self._remembered(apps)
        sights: dict[AppId, Sight | SetpointError] = {}
        for app, memory in remembered.items():
            sights[app] = await self._sight(memory, seen.of(app))
        return sights

    async def snapshot(self, only: Sequence[AppId] | None = None) -> Snapshot:
        """A look at the whole world, or at these apps."""
        async with within(self._timeout_s, "look at the world"):
            seen = await self._driver.observe(only)
            routes = await self._edge.observe(only)
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

    async def capabilities(self) -> Capabilities:
        """As last probed."""
        return self._capabilities or await self.probe()

    async def probe(self) -> Capabilities:
        async with within(self._timeout_s, "ask what is offered"):
            self._capabilities = await self._driver.probe()
        return self._capabilities

    async def _remembered(self, apps: Sequence[AppId]) -> dict[AppId, Remembered | StoreError]:
        """One by one where it does not do for all: what is wrong with one is no other's trouble."""
        try:
            return await self._read(apps)
        except StoreError as error:
            if len(apps) == 1:
                return {apps[0]: error}
        found: dict[AppId, Remembered | StoreError] = {}
        for app in apps:
            found |= await self._remembered((app,))
        return found

    async def _read(self, apps: Sequence[AppId]) -> dict[AppId, Remembered | StoreError]:
        return {**await self._store.remembered(apps, RELEASES_LOOKED_AT, JOBS_LOOKED_AT)}

    async def _sight(
        self, memory: Remembered | SetpointError, facts: Facts
    ) -> Sight | SetpointError:
        if isinstance(memory, SetpointError):
            return memory
        try:
            releases = await self._releases(memory)
        except SetpointError as error:
            return error
        concluded = _concluded(memory.status)
        builds, news = _builds(memory.builds, facts.builds)
        observed = Observed(
            builds=builds,
            releases=releases,
            sets=facts.sets,
            route=facts.route,
            jobs=memory.jobs,
            job_facts=facts.jobs,
            settled_generation=concluded.settled_generation,
            altered=facts.altered,
        )
        return Sight(
            memory.unit,
            observed,
            memory.status,
            concluded.drift,
            news,
            memory.left_open,
            memory.cursor,
            facts,
        )

    async def _releases(self, memory: Remembered) -> tuple[Release, ...]:
        """The newest, and whatever older one is still asked for by its number."""
        unit, newest = memory.unit, memory.releases
        asked_for = {job.release for job in memory.jobs if not job.final}
        if unit.intent.rollback_to is not None:
            asked_for.add(unit.intent.rollback_to)
        missing = sorted(asked_for - {r.version for r in newest}, reverse=True)
        older = [await self._store.release(unit.id, version) for version in missing]
        return (*newest, *(r for r in older if r is not None))


def _builds(
    remembered: tuple[Build, ...], seen: tuple[Build, ...]
) -> tuple[tuple[Build, ...], tuple[Build, ...]]:
    """(those that count, those that are news to memory).

    Verdicts are remembered for ever; a build under way is only what the driver says it is. So one
    that was lost with the machine counts as never started.
    """
    known = {b.id: b for b in remembered}
    news = tuple(b for b in seen if _is_news(known.get(b.id), b))
    known |= {b.id: b for b in news}
    under_way = {b.id for b in seen}
    return tuple(b for b in known.values() if b.id in under_way or _is_verdict(b)), news


def _concluded(status: Status | None) -> _Concluded:
    try:
        return _decode(status.summary) if status is not None else _Concluded()
    except msgspec.DecodeError:
        return _Concluded()  # an earlier version wrote what this one cannot read


def _is_verdict(build: Build) -> bool:
    return build.status in ("succeeded", "failed")


def _is_news(known: Build | None, seen: Build) -> bool:
    return known is None or (not known.final and known != seen)
