"""A simulated store: the whole port in memory, linearizable, one dict per table.

It keeps its last few states, so that `StaleReads` can answer from the past. It fails only where
the real one may: conflicts. Lost answers and outages are added around it (faults.py).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from setpoint.model import paths
from setpoint.model.app import AppIntent, SecretRef, Unit
from setpoint.model.change import Asked, Change, Touch, UnitChange
from setpoint.model.condition import settled
from setpoint.model.errors import Conflict, NotFound
from setpoint.model.history import Took
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.model.journal import Entry, EntryState
from setpoint.model.release import Build, Release
from setpoint.model.retention import Pruned, Retention
from setpoint.store.port import Committed, Event, Field, Status, UnitWrite
from setpoint.testing.faults import Faults

STATES_KEPT = 4

Outcomes = Sequence[tuple[int, EntryState, str]]


@dataclass
class Rows:
    """What passes read. Values are immutable, so a shallow copy is a snapshot."""

    units: dict[AppId, Unit] = field(default_factory=dict[AppId, Unit])
    status: dict[AppId, Status] = field(default_factory=dict[AppId, Status])
    builds: dict[AppId, tuple[Build, ...]] = field(default_factory=dict[AppId, tuple[Build, ...]])
    releases: dict[AppId, tuple[Release, ...]] = field(
        default_factory=dict[AppId, tuple[Release, ...]]
    )
    jobs: dict[AppId, tuple[Job, ...]] = field(default_factory=dict[AppId, tuple[Job, ...]])
    """newest first"""

    def copy(self) -> "Rows":
        return Rows(
            dict(self.units),
            dict(self.status),
            dict(self.builds),
            dict(self.releases),
            dict(self.jobs),
        )


class SimStore:
    """`writes` counts commits: a settled world must not move it.

    `moved_at`: for each app, when each of its generations began. `on_status` hears every status
    that is offered, also one that is refused for being older.
    """

    def __init__(self, incarnation: int = 1) -> None:
        self.incarnation = incarnation
        self.writes = 0
        self.rows = Rows()
        self.past: deque[Rows] = deque([Rows()], maxlen=STATES_KEPT)
        self.entries: dict[int, Entry] = {}
        self.entries_of: dict[str, list[int]] = defaultdict(list)
        self.told: list[UnitChange] = []
        self.log: list[Event] = []
        self.provenance: dict[AppId, dict[str, int]] = defaultdict(dict)
        self.secrets: dict[str, str] = {}
        self.moved_at: dict[AppId, list[tuple[int, float]]] = defaultdict(list)
        self.on_status: Callable[[AppId, Status], None] = lambda unit, status: None
        self.on_verdict: Callable[[AppId, int, bool], None] = lambda app, version, good: None
        self._documents: dict[tuple[AppId, int], AppIntent] = {}
        self._changed_at: dict[tuple[AppId, str], int] = {}
        self._asked: dict[tuple[str, str], Committed] = {}
        self._sources: dict[Digest, float] = {}
        self._marks: list[tuple[float, int]] = []
        self._floor = 0
        self._settled: dict[tuple[AppId, int], float] = {}
        self._seq = 0
        self._rev = 0
        self._acts_seen = 0

    def take_up(self, unit: Unit, entries: Sequence[Entry] = ()) -> None:
        """One that was here before this store was; `entries` of its journal, oldest first."""
        self.rows.units[unit.id] = unit
        self._documents[unit.id, unit.rev] = unit.intent
        self.moved_at[unit.id].append((unit.generation, unit.updated_at_s))
        self.incarnation = max(self.incarnation, unit.incarnation)
        self._seq, self._rev = max(self._seq, unit.last_change), max(self._rev, unit.rev)
        for entry in entries:
            self._add(entry)

    # --- intents --------------------------------------------------------------------------

    async def commit(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        writes: Sequence[UnitWrite],
        secrets: Mapping[str, str] = {},
    ) -> Committed:
        key = (asked.actor.name, asked.idempotency_key)
        if asked.idempotency_key and key in self._asked:
            return self._asked[key]
        merged = [(write, self._merged(write)) for write in writes]
        change = Change(self._seq + 1, asked, verb, summary)
        self._seq += 1
        self.secrets.update(secrets)
        done = Committed(
            change.seq, tuple(self._write(change, write, intent) for write, intent in merged)
        )
        self._asked[key] = done
        self._committed()
        return done

    def _merged(self, write: UnitWrite) -> AppIntent:
        """The document to store, or Conflict. Conflicts are per path."""
        intent = write.intent
        namesake = self._named(intent.name)
        if namesake is not None and namesake.id != intent.id:
            raise Conflict(f"cannot name an app '{intent.name}': the name is taken")
        unit = self.rows.units.get(intent.id)
        if write.rev_expected is None:
            return intent
        if unit is None:
            raise NotFound(f"cannot change '{intent.name}': there is no such app")
        if unit.rev == write.rev_expected:
            return intent
        base = paths.flatten(self._documents[intent.id, write.rev_expected])
        touched = paths.touches(base, paths.flatten(intent), write.restated)
        if write.whole or self._overtaken(unit, write.rev_expected, touched):
            raise Conflict(f"cannot change '{intent.name}': it was changed meanwhile")
        return paths.unflatten(
            unit.id, paths.merge(paths.flatten(unit.intent), paths.flatten(intent), touched)
        )

    def _overtaken(self, unit: Unit, rev: int, touched: Sequence[Touch]) -> bool:
        scopes = {paths.conflict_scope(t.path) for t in touched}
        return any(
            self._changed_at.get((unit.id, path), 0) > rev
            for (app, path) in list(self._changed_at)
            if app == unit.id and paths.conflict_scope(path) in scopes
        )

    def _write(self, change: Change, write: UnitWrite, intent: AppIntent) -> Unit:
        before = self.rows.units.get(intent.id)
        old = paths.flatten(before.intent) if before is not None else {}
        touches = paths.touches(old, paths.flatten(intent), write.restated)
        self._rev += 1
        unit = self._next_unit(change, before, intent, touches)
        self.rows.units[intent.id] = unit
        self._documents[intent.id, unit.rev] = intent
        self.moved_at[intent.id].append((unit.generation, change.asked.at_s))
        for touch in touches:
            self._changed_at[intent.id, touch.path] = unit.rev
            self.provenance[intent.id][touch.path] = change.seq
        self.told.append(UnitChange(change, intent.id, unit.generation, touches))
        self._emit(intent.id, change.verb, change)
        return unit

    def _next_unit(
        self, change: Change, before: Unit | None, intent: AppIntent, touches: Sequence[Touch]
    ) -> Unit:
        shaped = any(paths.is_shape(t.path) for t in touches)
        sourced = any(paths.is_source(t.path) for t in touches)
        return Unit(
            intent=intent,
            incarnation=self.incarnation,
            generation=before.generation + 1 if before else 1,
            rev=self._rev,
            owner=before.owner if before else change.asked.actor.email,
            created_at_s=before.created_at_s if before else change.asked.at_s,
            updated_at_s=change.asked.at_s,
            last_change=change.seq,
            source_change=change.seq if sourced else (before.source_change if before else 0),
            shape_change=change.seq if shaped else (before.shape_change if before else 0),
            shape_summary=change.summary if shaped else (before.shape_summary if before else ""),
        )

    def _emit(self, unit: str, type_: str, body: object) -> None:
        self.log.append(Event(len(self.log) + 1, unit, type_, msgspec.json.encode(body)))

    def _committed(self) -> None:
        self.writes += 1
        self.past.append(self.rows.copy())

    async def unit(self, id: AppId) -> Unit | None:
        return self.rows.units.get(id)

    async def unit_named(self, name: str) -> Unit | None:
        return self._named(name)

    def _named(self, name: str) -> Unit | None:
        return next((u for u in self.rows.units.values() if u.name == name), None)

    async def units(self) -> tuple[Unit, ...]:
        return tuple(sorted(self.rows.units.values(), key=lambda u: u.name))

    async def forget(self, id: AppId) -> None:
        if self.rows.units.pop(id, None) is not None:
            self.rows.status.pop(id, None)
            self._emit(id, "app.forgotten", {})
            self._committed()

    async def reveal(self, refs: Mapping[str, SecretRef]) -> dict[str, str]:
        return {key: self.secrets[ref.key] for key, ref in refs.items()}

    # --- story ----------------------------------------------------------------------------

    async def changes(self, unit: AppId | None, limit: int = 50) -> tuple[UnitChange, ...]:
        found = [c for c in reversed(self.told) if unit is None or c.unit == unit]
        return tuple(found[:limit])

    async def change(self, seq: int) -> tuple[UnitChange, ...]:
        return tuple(c for c in self.told if c.change.seq == seq)

    async def fields(self, unit: AppId) -> tuple[Field, ...]:
        live = self.rows.units.get(unit)
        leaves = paths.flatten(live.intent) if live is not None else {}
        return tuple(Field(p, c) for p, c in self.provenance[unit].items() if p in leaves)

    async def events(self, after: int, limit: int = 500) -> tuple[Event, ...]:
        return tuple(e for e in self.log[after : after + limit] if e.cursor > self._floor)

    async def event_bounds(self) -> tuple[int, int]:
        return self._floor, len(self.log)

    async def tell(self, type_: str, **facts: object) -> None:
        self._emit("", type_, facts)
        self._committed()

    async def begin_pass(
        self, entries: Sequence[Entry], jobs: Sequence[Job] = ()
    ) -> tuple[int, ...]:
        for job in jobs:
            self._put_job(msgspec.structs.replace(job, state="handed"))
        ids = tuple(self._add(entry) for entry in entries)
        self._committed()
        return ids

    def _add(self, entry: Entry) -> int:
        id = len(self.entries) + 1
        self.entries[id] = msgspec.structs.replace(entry, id=id)
        self.entries_of[entry.app].append(id)
        return id

    async def end_pass(
        self, outcomes: Outcomes, unit: AppId, status: Status | None, now_s: float
    ) -> None:
        for id, state, result in outcomes:
            self.entries[id] = msgspec.structs.replace(
                self.entries[id], state=state, result=result, ended_at_s=now_s
            )
        before = self.rows.status.get(unit)
        newer = (
            before is None
            or status is None
            or status.observed_generation >= before.observed_generation
        )
        if status is not None:
            self.on_status(unit, status)
        if status is not None and newer and unit in self.rows.units:
            self.rows.status[unit] = status
            self._emit(unit, "status.changed", status)
            self._remember_settled(unit, status)
        self._committed()

    async def record_acts(self, entries: Sequence[Entry], after: int) -> None:
        for entry in entries:
            self._add(entry)
        self._acts_seen = max(self._acts_seen, after)
        self._committed()

    async def acts_seen(self) -> int:
        return self._acts_seen

    async def journal(self, unit: AppId, limit: int = 100) -> tuple[Entry, ...]:
        newest = reversed(self.entries_of[unit][-limit:])
        return tuple(self.entries[id] for id in newest)

    async def status(self, unit: AppId) -> Status | None:
        return self.rows.status.get(unit)

    def _remember_settled(self, unit: AppId, status: Status) -> None:
        key = (unit, status.observed_generation)
        if settled(status.conditions) and key not in self._settled:
            self._settled[key] = status.at_s

    async def took(self, unit: AppId, limit: int = 100) -> tuple[Took, ...]:
        found = [
            Took(c.change.seq, c.change.verb, at_s - c.change.asked.at_s)
            for c in reversed(self.told)
            if unit in self.rows.units
            and c.unit == unit
            and (at_s := self._settled.get((unit, c.generation))) is not None
        ]
        return tuple(found[:limit])

    # --- builds and releases ----------------------------------------------------------------

    async def record_build(self, build: Build) -> None:
        builds = self.rows.builds.get(build.app, ())
        known = next((b for b in builds if b.id == build.id), None)
        if known is not None and known.final:
            return
        others = tuple(b for b in builds if b.id != build.id)
        self.rows.builds[build.app] = (*others, build)
        self._emit(build.app, f"build.{build.status}", {"id": build.id})
        self._committed()

    async def builds(self, app: AppId) -> tuple[Build, ...]:
        return self.rows.builds.get(app, ())

    async def cut_release(
        self,
        app: AppId,
        build: Build,
        config: Mapping[str, SecretRef],
        description: str,
        change: int,
        now_s: float,
        commit: str = "",
    ) -> Release | None:
        unit = self.rows.units.get(app)
        releases = self.rows.releases.get(app, ())
        again = next((r for r in releases if r.change == change), None)
        if again is not None or unit is None or unit.shape_change != change:
            return again
        assert build.slug is not None, "only a build that succeeded can be released"
        release = Release(
            app=app,
            version=len(releases) + 1,
            build=build.id,
            source=build.source,
            slug=build.slug,
            config=dict(config),
            description=description,
            change=change,
            created_at_s=now_s,
            commit=commit,
        )
        self.rows.releases[app] = (release, *map(_overtaken_by_newer, releases))
        self._emit(app, "release.cut", {"version": release.version})
        self._committed()
        return release

    async def settle_release(self, app: AppId, version: int, succeeded: bool, message: str) -> None:
        self.on_verdict(app, version, succeeded)
        status = "succeeded" if succeeded else "failed"
        open_ = ("pending", "superseded") if succeeded else ("pending",)
        self.rows.releases[app] = tuple(
            msgspec.structs.replace(r, status=status, message=message)
            if r.version == version and r.status in open_
            else r
            for r in self.rows.releases.get(app, ())
        )
        self._emit(app, f"release.{status}", {"version": version})
        self._committed()

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        return self.rows.releases.get(app, ())[:limit]

    async def release(self, app: AppId, version: int) -> Release | None:
        found = self.rows.releases.get(app, ())
        return next((r for r in found if r.version == version), None)

    # --- jobs -------------------------------------------------------------------------------

    async def add_job(self, job: Job, secrets: Mapping[str, str] = {}) -> Job:
        if job.app not in self.rows.units:
            raise NotFound(f"cannot run {job.dyno}: its app is gone")
        known = self._job(job.app, job.id)
        if known is not None:
            return known
        self.secrets.update(secrets)
        self._put_job(job)
        self._emit(job.app, "job.asked", {"id": job.id})
        self._committed()
        return job

    async def stop_job(self, app: AppId, id: JobId) -> Job | None:
        job = self._job(app, id)
        if job is not None and not job.final:
            self._put_job(msgspec.structs.replace(job, stop_asked=True))
            self._committed()
        return self._job(app, id)

    async def settle_job(self, app: AppId, id: JobId, end: JobEnd) -> None:
        job = self._job(app, id)
        if job is not None and not job.final:
            self._put_job(msgspec.structs.replace(job, **msgspec.structs.asdict(end)))
            self._emit(app, "job.ended", {"id": id})
            self._committed()

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        return live_and_newest(self.rows.jobs.get(app, ()), limit)

    def _job(self, app: AppId, id: JobId) -> Job | None:
        return next((j for j in self.rows.jobs.get(app, ()) if j.id == id), None)

    def _put_job(self, job: Job) -> None:
        """In its place, or as the newest. What is final stays; what was asked to stop, too."""
        rows = self.rows.jobs.get(job.app, ())
        known = self._job(job.app, job.id)
        if known is None:
            self.rows.jobs[job.app] = (job, *rows)
        elif not known.final:
            job = msgspec.structs.replace(job, stop_asked=job.stop_asked or known.stop_asked)
            self.rows.jobs[job.app] = tuple(job if j.id == job.id else j for j in rows)

    async def record_source(self, digest: Digest, size_bytes: int, now_s: float) -> None:
        self._sources[digest] = now_s

    async def hold_source(self, digest: Digest, now_s: float) -> bool:
        if digest in self._sources:
            self._sources[digest] = now_s
        return digest in self._sources

    async def source_known(self, digest: Digest) -> bool:
        return digest in self._sources

    # --- retention --------------------------------------------------------------------------

    async def kept_releases(self) -> tuple[Release, ...]:
        return tuple(
            r for app in sorted(self.rows.releases) for r in self.rows.releases[app] if r.slug_kept
        )

    async def let_go(self, app: AppId, versions: Sequence[int], entry: Entry) -> tuple[int, ...]:
        unit, rows = self.rows.units.get(app), self.rows.releases.get(app, ())
        gone = tuple(r.version for r in rows if r.version in versions and _may_go(unit, rows, r))
        if gone:
            self.rows.releases[app] = tuple(
                msgspec.structs.replace(r, slug_kept=False) if r.version in gone else r
                for r in rows
            )
            self._add(entry)
            self._emit(app, "release.let_go", {"versions": gone})
            self._committed()
        return tuple(sorted(gone))

    async def drop_sources(self, digests: Sequence[Digest], before_s: float) -> tuple[Digest, ...]:
        wanted = {d for u in self.rows.units.values() for d in u.intent.uploads}
        for digest in set(digests) - wanted:
            if self._sources.get(digest, before_s) < before_s:
                del self._sources[digest]
        return tuple(d for d in digests if d not in wanted and d not in self._sources)

    async def prune(self, kept: Retention, now_s: float, *, dry_run: bool = False) -> Pruned:
        """Events, the journal and secrets. A simulated history is too short for the rest."""
        floor = max((n for at_s, n in self._marks if at_s < now_s - kept.events_s), default=0)
        entries = self._old_entries(now_s - kept.journal_s)
        secrets = set(self.secrets) - self._needed_secrets()
        found = Pruned(
            journal=len(entries), events=max(0, floor - self._floor), secrets=len(secrets)
        )
        if not dry_run:  # that there is nothing to delete is no commit
            self._marks.append((now_s, len(self.log)))
            self._floor = max(self._floor, floor)
            for id in entries:
                self.entries_of[self.entries[id].app].remove(id)
            self.secrets = {k: v for k, v in self.secrets.items() if k not in secrets}
            if found != Pruned():
                self._committed()
        return found

    def _old_entries(self, before_s: float) -> list[int]:
        old = [id for ids in self.entries_of.values() for id in ids]
        return [id for id in old if self._is_old(self.entries[id], before_s)]

    def _is_old(self, entry: Entry, before_s: float) -> bool:
        ended_s = entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s
        if ended_s >= before_s:
            return False
        unit = self.rows.units.get(AppId(entry.app))
        live = paths.flatten(unit.intent) if unit is not None else {}
        told = {c for p, c in self.provenance[AppId(entry.app)].items() if p in live}
        return unit is None or (entry.state != "planned" and entry.change not in told)

    def _needed_secrets(self) -> set[str]:
        leaves = [v for u in self.rows.units.values() for v in paths.flatten(u.intent).values()]
        refs = [leaf for leaf in leaves if isinstance(leaf, SecretRef)]
        for rows in self.rows.releases.values():
            refs += [ref for r in rows if r.slug_kept for ref in r.config.values()]
        for jobs in self.rows.jobs.values():
            refs += [ref for j in jobs if not j.final for ref in j.environment.values()]
        return {ref.key for ref in refs}

    async def close(self) -> None:
        """Memory goes with the process."""


class StaleReads:
    """The same memory, read through a replica that lags: some of the reads see the past.

    Writes, and whatever is not overridden here, go to the store itself.
    """

    def __init__(self, store: SimStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    @property
    def _seen(self) -> Rows:
        if self._faults.strikes(self._faults.rates.stale):
            return self._faults.luck.choice(self._store.past)
        return self._store.rows

    async def unit(self, id: AppId) -> Unit | None:
        return self._seen.units.get(id)

    async def units(self) -> tuple[Unit, ...]:
        return tuple(self._seen.units.values())

    async def builds(self, app: AppId) -> tuple[Build, ...]:
        return self._seen.builds.get(app, ())

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        return self._seen.releases.get(app, ())[:limit]

    async def status(self, unit: AppId) -> Status | None:
        return self._seen.status.get(unit)

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        return live_and_newest(self._seen.jobs.get(app, ()), limit)


def live_and_newest(rows: tuple[Job, ...], limit: int) -> tuple[Job, ...]:
    """`rows` newest first; `limit`: of each kind."""
    count: dict[str, int] = defaultdict(int)
    kept: list[Job] = []
    for job in rows:
        count[job.kind] += 1
        if count[job.kind] <= limit or not job.final:
            kept.append(job)
    return tuple(kept)


def _overtaken_by_newer(release: Release) -> Release:
    if release.status != "pending":
        return release
    return msgspec.structs.replace(release, status="superseded")


def _may_go(unit: Unit | None, rows: tuple[Release, ...], release: Release) -> bool:
    """`rows` newest first."""
    if not release.slug_kept or unit is None:
        return release.slug_kept
    back_to = unit.intent.rollback_to
    return release not in (rows[0],) and release.status != "pending" and release.version != back_to
