"""What is: puts one app's facts together. Looks, and remembers verdicts on builds; no opinions."""

import asyncio
import itertools
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.ids import AppId
from setpoint.model.job import JobFacts
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


@dataclass(frozen=True)
class Sight:
    """All that a pass knows of one app. `drift`: what an earlier one told of already."""

    unit: Unit
    observed: Observed
    status: Status | None
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The whole world as drivers saw it, by app. `tick`: when the looking began."""

    tick: int
    sets: dict[AppId, list[SetFacts]] = field(default_factory=lambda: defaultdict(list))
    builds: dict[AppId, list[Build]] = field(default_factory=lambda: defaultdict(list))
    jobs: dict[AppId, list[JobFacts]] = field(default_factory=lambda: defaultdict(list))
    routes: dict[AppId, RouteFacts] = field(default_factory=dict[AppId, RouteFacts])

    @property
    def apps(self) -> frozenset[AppId]:
        """Of which something runs or is routed."""
        working = (
            app for app, jobs in self.jobs.items() if any(j.state == "running" for j in jobs)
        )
        return frozenset((*self.sets, *self.routes, *working))


class Observer:
    """`ticks` orders snapshots against wakes; `timeout_s` bounds every look at the world."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        edge: Edge,
        ticks: "itertools.count[int]",
        timeout_s: float,
    ) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._ticks = ticks
        self._timeout_s = timeout_s
        self._one_at_a_time = asyncio.Lock()
        self._latest: Snapshot | None = None
        self._capabilities: Capabilities | None = None

    async def look(self, app: AppId, woken: int) -> Sight | None:
        """None: no such app (any more). `woken`: tick of the wake that this look answers."""
        snapshot = await self.snapshot(woken)
        memory = await self._store.remembered(app, RELEASES_LOOKED_AT, JOBS_LOOKED_AT)
        if memory is None:
            return None
        concluded = _concluded(memory.status)
        observed = Observed(
            builds=await self._builds(app, memory.builds, snapshot),
            releases=await self._releases(memory),
            sets=tuple(sorted(snapshot.sets.get(app, ()), key=lambda s: s.key)),
            route=snapshot.routes.get(app),
            jobs=memory.jobs,
            job_facts=tuple(sorted(snapshot.jobs.get(app, ()), key=lambda j: j.id)),
            settled_generation=concluded.settled_generation,
        )
        return Sight(memory.unit, observed, memory.status, concluded.drift)

    async def snapshot(self, woken: int) -> Snapshot:
        """A look at the world that began after `woken`; passes that wake together share one."""
        async with self._one_at_a_time:
            if self._latest is None or self._latest.tick < woken:
                self._latest = await self._take_snapshot()
            return self._latest

    async def capabilities(self) -> Capabilities:
        """As last probed."""
        return self._capabilities or await self.probe()

    async def probe(self) -> Capabilities:
        async with asyncio.timeout(self._timeout_s):
            self._capabilities = await self._driver.probe()
        return self._capabilities

    async def _take_snapshot(self) -> Snapshot:
        snapshot = Snapshot(next(self._ticks))
        async with asyncio.timeout(self._timeout_s):
            seen = await self._driver.observe()
            routes = await self._edge.observe()
        for facts in seen.sets:
            snapshot.sets[facts.key.app].append(facts)
        for build in seen.builds:
            snapshot.builds[build.app].append(build)
        for job in seen.jobs:
            snapshot.jobs[job.app].append(job)
        snapshot.routes.update((r.route.app, r) for r in routes)
        return snapshot

    async def _releases(self, memory: Remembered) -> tuple[Release, ...]:
        """The newest, and whatever older one is still asked for by its number."""
        unit, newest = memory.unit, memory.releases
        asked_for = {job.release for job in memory.jobs if not job.final}
        if unit.intent.rollback_to is not None:
            asked_for.add(unit.intent.rollback_to)
        missing = sorted(asked_for - {r.version for r in newest}, reverse=True)
        older = [await self._store.release(unit.id, version) for version in missing]
        return (*newest, *(r for r in older if r is not None))

    async def _builds(
        self, app: AppId, remembered: tuple[Build, ...], snapshot: Snapshot
    ) -> tuple[Build, ...]:
        """Verdicts are remembered for ever; a build under way is only what the driver says it is.

        So one that was lost with the machine counts as never started.
        """
        known = {b.id: b for b in remembered}
        seen = {b.id: b for b in snapshot.builds.get(app, ())}
        for build in seen.values():
            if _is_news(known.get(build.id), build):
                await self._store.record_build(build)
                known[build.id] = build
        return tuple(b for b in known.values() if b.id in seen or _is_verdict(b))


def _concluded(status: Status | None) -> _Concluded:
    try:
        return _decode(status.summary) if status is not None else _Concluded()
    except msgspec.DecodeError:
        return _Concluded()  # an earlier version wrote what this one cannot read


def _is_verdict(build: Build) -> bool:
    return build.status in ("succeeded", "failed")


def _is_news(known: Build | None, seen: Build) -> bool:
    return known is None or (not known.final and known != seen)
