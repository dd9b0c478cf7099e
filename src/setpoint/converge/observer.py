"""What is: puts one app's facts together. Looks, and remembers verdicts on builds; no opinions."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from setpoint.converge.facts import EMPTY, Facts, look
from setpoint.converge.within import within
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.errors import SetpointError, StoreError
from setpoint.model.ids import AppId
from setpoint.model.observed import Observed, Uptime
from setpoint.model.release import Build, Release
from setpoint.model.steps import Drift
from setpoint.store.port import Remembered, Status, Store

RELEASES_LOOKED_AT = 20
"""The planner wants the newest that serves; more than this many failed in a row is stalled."""
JOBS_LOOKED_AT = 100
"""of each kind, beside all that have not ended"""


class _Concluded(msgspec.Struct, frozen=True):
    """All that a pass takes from what an earlier one concluded; the rest is skipped over."""

    settled_generation: int = 0
    settled_in: Uptime = Uptime()
    drift: tuple[Drift, ...] = ()


_decode = msgspec.json.Decoder(_Concluded).decode


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
    facts: Facts = EMPTY


class Observer:
    """`timeout_s` bounds every look at the world. `uptime`: of this process, which ends with it."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        edge: Edge,
        timeout_s: float,
        uptime: Uptime = Uptime(),
    ) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._timeout_s = timeout_s
        self._uptime = uptime
        self._capabilities: Capabilities | None = None

    async def look(self, apps: Sequence[AppId]) -> dict[AppId, Sight | SetpointError]:
        """At several at once, first the world and then memory. Nothing of those that are no app
        (any more); of one that cannot be read, why."""
        seen = await look(self._driver, self._edge, self._timeout_s, apps)
        remembered = await self._remembered(apps)
        sights: dict[AppId, Sight | SetpointError] = {}
        for app, memory in remembered.items():
            sights[app] = await self._sight(memory, seen.of(app))
        return sights

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
            settled_in=concluded.settled_in,
            uptime=self._uptime,
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
