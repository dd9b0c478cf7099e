"""The steady collector: soon after the start and then every hour, what is kept no longer goes.

Memory first, the disk after: see planning.retention, which decides. Everything here can be cut off
at any point and done again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging import Logger

import msgspec

from setpoint.converge import damage
from setpoint.converge.within import within
from setpoint.drivers.ports import Driver
from setpoint.model.app import Unit
from setpoint.model.errors import SetpointError, StoreError
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.journal import Entry
from setpoint.model.observed import Seen
from setpoint.model.release import Build, Release
from setpoint.model.retention import (
    DEFAULTS,
    Cleared,
    Collection,
    LetGo,
    Removal,
    Retention,
    Stock,
)
from setpoint.planning import retention as decision
from setpoint.planning.retention import Held
from setpoint.store.port import Store

JOBS_LOOKED_AT = 20
"""of each kind, beside all that have not ended: one that memory gave up on may still run"""


@dataclass(frozen=True)
class Pacing:
    """Seconds. `jitter`: every pause is shorter by up to this share of it."""

    first_s: float = 120.0
    period_s: float = 3600.0
    jitter: float = 0.2
    look_timeout_s: float = 5.0


class Collector:
    """`now`: unix seconds. `luck`: uniform in [0, 1). `new_token`: a text that never comes twice.
    `doubt`: why the clock is not to be believed, or ''.

    `stock`: as last seen, at `seen_s`. `reclaimable_bytes`: what a collection would free then.
    """

    def __init__(
        self,
        store: Store,
        driver: Driver,
        *,
        now: Callable[[], float],
        luck: Callable[[], float],
        new_token: Callable[[], str],
        log: Logger,
        doubt: Callable[[], str],
        retention: Retention = DEFAULTS,
        pacing: Pacing = Pacing(),
    ) -> None:
        self._store = store
        self._driver = driver
        self._now = now
        self._luck = luck
        self._new_token = new_token
        self._log = log
        self._retention = retention
        self._pacing = pacing
        self._one_at_a_time = asyncio.Lock()
        self._doubt = doubt
        self.stock: Stock | None = None
        self.seen_s: float | None = None
        self.reclaimable_bytes: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = self._pacing.first_s
        while True:
            await asyncio.sleep(pause_s * (1.0 - self._pacing.jitter * self._luck()))
            pause_s = self._pacing.period_s
            try:
                await self.collect(dry_run=False)
            except SetpointError as error:
                self._log.warning("collection.failed", extra={"error": str(error)})
            except Exception:
                self._log.exception("collection.broke")

    async def collect(self, dry_run: bool) -> Collection:
        """Raises StoreError, DriverError."""
        async with self._one_at_a_time:
            now_s = self._now()
            if left := self._doubt():
                return Collection(at_s=now_s, dry_run=dry_run, left=left)
            pruned = await self._store.prune(self._retention, now_s, dry_run=dry_run)
            if left := await self._unreadable():
                return Collection(at_s=now_s, dry_run=dry_run, pruned=pruned, left=left)
            helds = await self._look()
            gone = [g for h in helds for g in decision.let_go(h, self._retention)]
            helds = _without(helds, gone)
            if gone and not dry_run:
                # Another look, since what goes now may have been promoted right before.
                gone, helds = await self._let_go(gone), await self._look()
            cleared = await self._clear(helds, now_s, dry_run)
            done = Collection(
                at_s=now_s,
                dry_run=dry_run,
                let_go=tuple(gone),
                removals=cleared.gone,
                cache_bytes=cleared.cache_bytes,
                pruned=pruned,
                left=cleared.left,
            )
            if not dry_run and (done.removals or done.let_go or done.cache_bytes):
                await self._tell(done)
            return done

    async def _unreadable(self) -> str:
        """Why nothing of what apps hold may go now, or ''."""
        damaged = await damage.found(self._store, await self._store.units())
        if damaged:
            names = ", ".join(one.name for one in damaged)
            return f"what is intended for {names} cannot be read"
        return ""

    # --- looking ------------------------------------------------------------------------------

    async def _look(self) -> tuple[Held, ...]:
        """What every app holds. The world is looked at before memory is: what began since is
        young."""
        async with within(self._pacing.look_timeout_s, "look for what is unused"):
            world = await self._driver.observe()
        sets, jobs = _at_work(world)
        kept: dict[AppId, list[Release]] = defaultdict(list)
        for release in await self._store.kept_releases():
            kept[release.app].append(release)
        units = {unit.id: unit for unit in await self._store.units()}
        apps = sorted({*units, *kept, *sets, *jobs})
        return tuple(
            [await self._held(app, units.get(app), kept[app], sets[app], jobs[app]) for app in apps]
        )

    async def _held(
        self,
        app: AppId,
        unit: Unit | None,
        kept: Sequence[Release],
        sets: frozenset[int],
        jobs: frozenset[JobId],
    ) -> Held:
        """`sets`: versions; `jobs`: those that run."""
        rows = {job.id: job for job in await self._store.jobs(app, JOBS_LOOKED_AT)}
        live = {job.release for job in rows.values() if job.id in jobs or not job.final}
        used = sets | live
        missing = sorted(used - {r.version for r in kept})
        found = [r for v in missing if (r := await self._store.release(app, v)) is not None]
        builds: tuple[Build, ...] = ()
        if unit is not None and (not kept or kept[0].change < unit.shape_change):
            builds = _of_intent(unit, await self._store.builds(app))
        known = {r.version for r in (*kept, *found)}
        strange = not (sets <= known and jobs <= rows.keys())
        return Held(app, unit, tuple(kept), used, tuple(found), builds, strange)

    # --- doing --------------------------------------------------------------------------------

    async def _let_go(self, gone: Sequence[LetGo]) -> list[LetGo]:
        """One commit per app, with the entry that says so. One app's trouble ends no other's."""
        done: list[LetGo] = []
        for app in sorted({g.app for g in gone}):
            mine = [g for g in gone if g.app == app]
            try:
                versions = await self._store.let_go(
                    app, [g.version for g in mine], self._entry(mine)
                )
            except StoreError as error:
                self._log.warning("let_go.failed", extra={"app": app, "error": str(error)})
                continue
            done += [g for g in mine if g.version in versions]
        return done

    async def _clear(self, helds: Sequence[Held], now_s: float, dry_run: bool) -> Cleared:
        stock = await self._driver.stock()
        self.stock, self.seen_s = stock, self._now()
        decided = decision.removable(helds, stock, now_s, self._retention)
        excess = decision.excess_bytes(stock, self._retention)
        self.reclaimable_bytes = decided.bytes + excess
        if dry_run or decided.withheld:
            return Cleared(decided.removals, excess if dry_run else 0, decided.withheld)
        removals = await self._without_known_sources(decided.removals, now_s)
        wanted = decision.clearance(decided._replace(removals=removals), now_s, self._retention)
        cleared = await self._driver.clear(wanted)
        self.reclaimable_bytes -= sum(r.bytes for r in cleared.gone) + cleared.cache_bytes
        return cleared

    async def _without_known_sources(
        self, removals: Sequence[Removal], now_s: float
    ) -> tuple[Removal, ...]:
        """Memory forgets a source before its file goes."""
        digests = [Digest(r.name) for r in removals if r.kind == "source"]
        gone = (
            set(await self._store.drop_sources(digests, now_s - self._retention.grace_s))
            if digests
            else set()
        )
        return tuple(r for r in removals if r.kind != "source" or r.name in gone)

    async def _tell(self, done: Collection) -> None:
        rows = decision.by_kind(done.removals)
        facts = {kind: {"count": count, "bytes": size} for kind, count, size in rows}
        await self._store.tell(
            "collected", let_go=len(done.let_go), bytes=done.bytes, removed=facts, left=done.left
        )
        self._log.info("collected", extra={"bytes": done.bytes, "things": len(done.removals)})

    def _entry(self, gone: Sequence[LetGo]) -> Entry:
        now_s = self._now()
        return Entry(
            id=0,
            app=gone[0].app,
            generation=0,
            kind="act",
            verb="let-go",
            subject=", ".join(f"v{g.version}" for g in gone[:10]),
            rule="retention",
            because=gone[0].because,
            change=None,
            state="succeeded",
            planned_at_s=now_s,
            ended_at_s=now_s,
            count=len(gone),
            token=self._new_token(),
        )


def _at_work(
    world: Seen,
) -> tuple[dict[AppId, frozenset[int]], dict[AppId, frozenset[JobId]]]:
    """By app: versions named by sets, on their way out too, and jobs that run."""
    sets: dict[AppId, frozenset[int]] = defaultdict(frozenset)
    jobs: dict[AppId, frozenset[JobId]] = defaultdict(frozenset)
    for facts in world.sets:
        sets[facts.key.app] |= {facts.release}
    for job in world.jobs:
        if job.state == "running":
            jobs[job.app] |= {job.id}
    return sets, jobs


def _of_intent(unit: Unit, builds: Sequence[Build]) -> tuple[Build, ...]:
    source = unit.intent.source
    return tuple(b for b in builds if source is not None and b.source == source.digest)


def _without(helds: Sequence[Held], gone: Sequence[LetGo]) -> tuple[Held, ...]:
    """As they are once these were let go."""
    versions = {(g.app, g.version) for g in gone}
    return tuple(
        msgspec.structs.replace(
            h, releases=tuple(r for r in h.releases if (h.app, r.version) not in versions)
        )
        for h in helds
    )
