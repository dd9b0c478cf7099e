"""The port, put together: each method says what runs where. No SQL and no rule lives here."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.app import AppIntent, SecretRef, Unit
from setpoint.model.change import Asked, Note, UnitChange
from setpoint.model.clock import Mark
from setpoint.model.credential import OAuthClient, PeopleRow, SshKey
from setpoint.model.decision import Decided, Record, RecordKind
from setpoint.model.digest import ReadUpTo
from setpoint.model.drain import Shipped
from setpoint.model.errors import StoreError, Unreadable
from setpoint.model.history import Took
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.model.journal import Blemish, Entry, EntryState
from setpoint.model.pipeline import Pipeline, PipelineWrite, Promotion
from setpoint.model.release import Build, Release
from setpoint.model.retention import Pruned, Retention
from setpoint.model.signal import Sample, Sums
from setpoint.model.webhook import Delivery
from setpoint.store.bell import Bell
from setpoint.store.port import (
    Committed,
    Damaged,
    Event,
    Field,
    Remembered,
    Standing,
    Status,
    Touched,
    UnitWrite,
)
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite import (
    accounts,
    builds,
    changes,
    credentials,
    decisions,
    events,
    jobs,
    journal,
    lists,
    meta,
    notes,
    notices,
    pipelines,
    releases,
    remembered,
    retention,
    secrets,
    senders,
    sources,
    status,
    tenure,
    touched,
    units,
)
from setpoint.store.sqlite.commit import Request, commit
from setpoint.store.sqlite.connection import (
    Connection,
)
from setpoint.store.sqlite.turns import Runner, Writing


class SqliteStore:
    """Implements `store.port.Store`."""

    def __init__(
        self,
        writer: Writing,
        reader: Runner,
        sealer: Sealer,
        incarnation: int,
        bell: Bell,
        check: tenure.Check,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._sealer = sealer
        self._incarnation = incarnation
        self._bell = bell
        self._check = check
        self._lists = lists.Lists(reader, incarnation)
        self._blemishes: dict[AppId, dict[int, Blemish]] = {}

    @property
    def incarnation(self) -> int:
        return self._incarnation

    async def refusal(self) -> StoreError | None:
        return self._writer.refusal

    async def mark(self, mark: Mark) -> None:
        await self._writer.run(lambda db: meta.put(db, meta.CLOCK, _encode(mark)))
        self._writer.accept()

    async def marked(self) -> Mark | None:
        said = await self._reader.run(lambda db: meta.get(db, meta.CLOCK))
        return _mark(said)

    # --- intent -------------------------------------------------------------------------------

    async def commit(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        writes: Sequence[UnitWrite],
        secrets: Mapping[str, str] = {},
        decided: Decided | None = None,
        pipeline: PipelineWrite | None = None,
    ) -> Committed:
        request = Request(asked, verb, summary, tuple(writes), dict(secrets), decided, pipeline)
        return await self._writer.run(
            lambda db: commit(db, self._sealer, self._incarnation, request)
        )

    async def pipelines(self) -> tuple[Pipeline, ...]:
        return await self._reader.run(pipelines.every)

    async def begin_promotion(self, promotion: Promotion) -> None:
        await self._writer.run(lambda db: pipelines.begin(db, promotion))

    async def refuse_promotion(self, id: str, app: AppId, error: str) -> None:
        await self._writer.run(lambda db: pipelines.refuse(db, id, app, error))

    async def promotion(self, id: str) -> Promotion | None:
        return await self._reader.run(lambda db: pipelines.promotion(db, id))

    async def held(self) -> None:
        """Raises Superseded once it is another's."""
        await self._reader.run(self._check)

    async def unit(self, id: AppId) -> Unit | None:
        """Raises Superseded, too."""

        def read(db: Connection) -> Unit | None:
            self._check(db)
            return units.get(db, self._incarnation, id)

        return await self._reader.run(read)

    async def rev(self, id: AppId) -> int | None:
        """Raises Superseded, too: right before an effect it is this that is asked."""

        def read(db: Connection) -> int | None:
            self._check(db)
            return units.rev(db, id)

        return await self._reader.run(read)

    async def remembered(
        self, ids: Sequence[AppId], releases: int, jobs: int
    ) -> dict[AppId, Remembered | Unreadable]:
        return await self._reader.run(
            lambda db: remembered.of_apps(db, self._incarnation, ids, releases, jobs)
        )

    async def unit_named(self, name: str) -> Unit | None:
        return await self._reader.run(lambda db: units.named(db, self._incarnation, name))

    async def units(self) -> tuple[Unit, ...]:
        return await self._lists.units()

    async def standings(self) -> dict[AppId, Standing]:
        return await self._lists.standings()

    async def unit_ids(self) -> frozenset[AppId]:
        return await self._reader.run(units.ids, long=True)

    async def damaged(self, only: AppId | None = None) -> tuple[Damaged, ...]:
        if only is None:
            return await self._lists.damaged()
        return await self._reader.run(lambda db: units.damaged(db, only))

    async def forget(self, id: AppId) -> None:
        await self._writer.run(lambda db: units.forget(db, id))

    async def reveal(self, refs: Mapping[str, SecretRef]) -> dict[str, str]:
        return await self._reader.run(lambda db: secrets.reveal(db, self._sealer, refs))

    # --- the log ------------------------------------------------------------------------------

    def fingerprint(self, name: str, path: str, value: str) -> str:
        return self._sealer.fingerprint(name, path, value)

    async def changes(self, unit: AppId | None, limit: int = 50) -> tuple[UnitChange, ...]:
        return await self._reader.run(
            lambda db: (
                changes.newest(db, limit) if unit is None else changes.of_unit(db, unit, limit)
            ),
            long=True,
        )

    async def change(self, seq: int) -> tuple[UnitChange, ...]:
        return await self._reader.run(lambda db: changes.one(db, seq))

    async def note(self, change: int, asked: Asked) -> Note:
        return await self._writer.run(lambda db: notes.add(db, change, asked))

    async def notes(self, changes: Sequence[int]) -> dict[int, tuple[Note, ...]]:
        return await self._reader.run(lambda db: notes.of_changes(db, changes))

    async def commit_people(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        put: Sequence[PeopleRow] = (),
        gone: Sequence[PeopleRow] = (),
        secrets: Mapping[str, str] = {},
    ) -> int:
        return await self._writer.run(
            lambda db: accounts.commit(db, self._sealer, asked, verb, summary, put, gone, secrets)
        )

    async def accounts(self) -> tuple[Account, ...]:
        return await self._reader.run(accounts.every)

    async def account(self, email: str) -> Account | None:
        return await self._reader.run(lambda db: accounts.one(db, email))

    async def tokens(self, account: str) -> tuple[Token, ...]:
        return await self._reader.run(lambda db: accounts.tokens(db, account))

    async def ssh_keys(self, account: str) -> tuple[SshKey, ...]:
        return await self._reader.run(lambda db: credentials.keys(db, account))

    async def oauth_clients(self, account: str) -> tuple[OAuthClient, ...]:
        return await self._reader.run(lambda db: credentials.clients(db, account))

    async def held_by(self, digest: bytes) -> tuple[Token, Account | None] | None:
        return await self._reader.run(lambda db: accounts.held_by(db, digest))

    async def decide(self, asked: Asked, decided: Decided) -> Record:
        return await self._writer.run(lambda db: decisions.decide(db, asked, decided))

    async def say(
        self, decision: int, kind: RecordKind, asked: Asked, revisit_at_s: float | None = None
    ) -> Record:
        return await self._writer.run(
            lambda db: decisions.add(db, decision, kind, asked, revisit_at_s)
        )

    async def decisions(
        self,
        *,
        unit: AppId | None = None,
        numbers: Sequence[int] | None = None,
        bets: bool = False,
    ) -> tuple[Record, ...]:
        if bets:
            return await self._reader.run(decisions.with_bets)
        if numbers is not None:
            return await self._reader.run(lambda db: decisions.numbered(db, numbers))
        if unit is not None:
            return await self._reader.run(lambda db: decisions.of_unit(db, unit))
        return await self._reader.run(decisions.every)

    async def add_samples(
        self, samples: Sequence[Sample], sums: Sequence[Sums], before_s: float
    ) -> None:
        def add(db: Connection) -> None:
            decisions.add_samples(db, samples, before_s)
            decisions.count(db, sums)

        await self._writer.run(add)

    async def replace_samples(self, unit: AppId, process: str, kept: Sequence[Sample]) -> None:
        await self._writer.run(lambda db: decisions.replace_samples(db, unit, process, kept))

    async def counted(self) -> tuple[Sums, ...]:
        return await self._reader.run(decisions.counted)

    async def samples(self, unit: AppId, process: str, since_s: float) -> tuple[Sample, ...]:
        return await self._reader.run(lambda db: decisions.samples(db, unit, process, since_s))

    async def read_up_to(self, person: str) -> ReadUpTo | None:
        return await self._reader.run(lambda db: notes.read_up_to(db, person))

    async def have_read(self, person: str, change: int, at_s: float) -> ReadUpTo:
        return await self._writer.run(lambda db: notes.have_read(db, person, change, at_s))

    async def field(self, unit: AppId, path: str) -> Field | None:
        return await self._reader.run(lambda db: changes.field(db, unit, path))

    async def touching(self, unit: AppId, path: str, limit: int) -> tuple[UnitChange, ...]:
        return await self._reader.run(lambda db: changes.touching(db, unit, path, limit), long=True)

    async def as_of(self, unit: AppId, at_s: float, change: int) -> AppIntent | None:
        return await self._reader.run(lambda db: changes.as_of(db, unit, at_s, change))

    async def senders(self) -> dict[AppId, int]:
        return await self._reader.run(senders.every)

    async def shipped(self, app: AppId | None = None) -> tuple[Shipped, ...]:
        return await self._reader.run(lambda db: senders.shipped(db, app))

    async def record_shipped(self, states: Sequence[Shipped], gone: Sequence[str] = ()) -> None:
        await self._writer.run(lambda db: senders.record(db, states, gone))

    async def told_up_to(self) -> int | None:
        return await self._reader.run(notices.told_up_to)

    async def record_notices(self, new: Sequence[Delivery], up_to: int | None) -> None:
        await self._writer.run(lambda db: notices.record(db, new, up_to))

    async def record_tried(self, delivery: Delivery) -> None:
        await self._writer.run(lambda db: notices.tried(db, delivery))

    async def due_notices(
        self, now_s: float, limit: int, busy: Sequence[str]
    ) -> dict[str, tuple[Delivery, ...]]:
        return await self._reader.run(lambda db: notices.due(db, now_s, limit, busy))

    async def notices(self, app: AppId) -> tuple[Delivery, ...]:
        return await self._reader.run(lambda db: notices.of_app(db, app))

    async def fields(self, unit: AppId) -> tuple[Field, ...]:
        return await self._reader.run(lambda db: changes.fields(db, unit))

    async def rebuild_fields(self) -> None:
        """Derive every field's provenance anew from the log. It should alter nothing."""
        await self._writer.run(changes.rebuild_fields, long=True)

    async def events(self, after: int, limit: int = 500) -> tuple[Event, ...]:
        return await self._reader.run(lambda db: events.read(db, after, limit), long=True)

    async def event_bounds(self) -> tuple[int, int]:
        return await self._reader.run(events.bounds)

    async def touched(self, after: int) -> Touched:
        return await self._reader.run(lambda db: touched.since(db, after), long=True)

    async def news(self, after: int) -> None:
        while True:
            rung = self._bell.next()
            if (await self.event_bounds())[1] > after:
                return
            await rung

    async def tell(self, type_: str, **facts: object) -> None:
        await self._writer.run(lambda db: events.append(db, "", type_, **facts))

    # --- the journal and what was observed ----------------------------------------------------

    async def begin_pass(
        self, entries: Sequence[Entry], jobs: Sequence[Job] = (), builds: Sequence[Build] = ()
    ) -> tuple[int, ...]:
        return await self._writer.run(lambda db: _begin_pass(db, entries, jobs, builds))

    async def end_pass(
        self,
        outcomes: Sequence[tuple[int, EntryState, str]],
        unit: AppId,
        status: Status | None,
        now_s: float,
        builds: Sequence[Build] = (),
    ) -> None:
        """Lets the first steps of others go first: its own have been taken."""
        await self._writer.run(
            lambda db: _end_pass(db, outcomes, unit, status, now_s, builds), later=True
        )

    async def record_acts(self, entries: Sequence[Entry], after: int) -> None:
        await self._writer.run(lambda db: journal.record_acts(db, entries, after), later=True)

    async def acts_seen(self) -> int:
        return await self._reader.run(journal.acts_seen)

    async def journal(self, unit: AppId, limit: int = 100) -> tuple[Entry, ...]:
        entries = await self._reader.run(lambda db: journal.read(db, unit, limit))
        self._note_blemishes(entries)
        return entries

    async def proofread(self, after: int, limit: int) -> int | None:
        entries = await self._reader.run(lambda db: journal.portion(db, after, limit), long=True)
        last = entries[-1].id if len(entries) == limit else None
        for app, known in self._blemishes.items():
            inside = [n for n in known if after < n and (last is None or n <= last)]
            for entry in inside:
                del self._blemishes[app][entry]
        self._note_blemishes(entries)
        return last

    async def blemishes(self, unit: AppId) -> tuple[Blemish, ...]:
        return tuple(b for _, b in sorted(self._blemishes.get(unit, {}).items()))

    def _note_blemishes(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            found = journal.blemish(entry)
            if found is not None:
                self._blemishes.setdefault(AppId(entry.app), {})[entry.id] = found

    async def status(self, unit: AppId) -> Status | None:
        return await self._reader.run(lambda db: status.get(db, unit))

    async def took(self, unit: AppId, limit: int = 100) -> tuple[Took, ...]:
        return await self._reader.run(lambda db: status.took(db, unit, limit))

    # --- sources, builds, releases ------------------------------------------------------------

    async def record_source(self, digest: Digest, size_bytes: int, now_s: float) -> None:
        await self._writer.run(lambda db: sources.record(db, digest, size_bytes, now_s))

    async def source_known(self, digest: Digest) -> bool:
        return await self._reader.run(lambda db: sources.known(db, digest))

    async def hold_source(self, digest: Digest, now_s: float) -> bool:
        return await self._writer.run(lambda db: sources.hold(db, digest, now_s))

    async def record_build(self, build: Build) -> None:
        await self._writer.run(lambda db: builds.record(db, build))

    async def builds(self, app: AppId) -> tuple[Build, ...]:
        return await self._reader.run(lambda db: builds.of_app(db, app))

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
        return await self._writer.run(
            lambda db: releases.cut(db, app, build, config, description, change, now_s, commit)
        )

    async def settle_release(self, app: AppId, version: int, succeeded: bool, message: str) -> None:
        await self._writer.run(lambda db: releases.settle(db, app, version, succeeded, message))

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        return await self._reader.run(lambda db: releases.of_app(db, app, limit))

    async def release(self, app: AppId, version: int) -> Release | None:
        return await self._reader.run(lambda db: releases.one(db, app, version))

    # --- retention ----------------------------------------------------------------------------

    async def kept_releases(self) -> tuple[Release, ...]:
        return await self._reader.run(releases.kept, long=True)

    async def let_go(self, app: AppId, versions: Sequence[int], entry: Entry) -> tuple[int, ...]:
        return await self._writer.run(lambda db: _let_go(db, app, versions, entry))

    async def drop_sources(self, digests: Sequence[Digest], before_s: float) -> tuple[Digest, ...]:
        return await self._writer.run(
            lambda db: retention.drop_sources(db, digests, before_s), long=True
        )

    async def prune(self, kept: Retention, now_s: float, *, dry_run: bool = False) -> Pruned:
        found = await self._reader.run(lambda db: retention.find(db, kept, now_s), long=True)
        if not dry_run:
            await self._writer.run(lambda db: retention.begin(db, found, now_s))
            for statement, rows in found.portions():
                await self._writer.run(partial(_delete, statement, rows), long=True)
        return found.counts

    # --- jobs ---------------------------------------------------------------------------------

    async def add_job(self, job: Job, secrets: Mapping[str, str] = {}) -> Job:
        return await self._writer.run(lambda db: jobs.add(db, self._sealer, job, secrets))

    async def stop_job(self, app: AppId, id: JobId) -> Job | None:
        return await self._writer.run(lambda db: jobs.stop(db, app, id))

    async def settle_job(self, app: AppId, id: JobId, end: JobEnd) -> None:
        await self._writer.run(lambda db: jobs.settle(db, app, id, end))

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        return await self._reader.run(lambda db: jobs.of_app(db, app, limit))

    async def close(self) -> None:
        await self._reader.stop()
        await self._writer.stop()


def _encode(mark: Mark) -> str:
    return msgspec.json.encode(mark).decode()


def _mark(said: str | None) -> Mark | None:
    """One that cannot be read says nothing, as none does."""
    try:
        return msgspec.json.decode(said, type=Mark) if said is not None else None
    except msgspec.DecodeError:
        return None


def _begin_pass(
    db: Connection, entries: Sequence[Entry], handed: Sequence[Job], heard: Sequence[Build]
) -> tuple[int, ...]:
    for build in heard:
        builds.record(db, build)
    jobs.hand_over(db, handed)
    return journal.begin(db, entries)


def _end_pass(
    db: Connection,
    outcomes: Sequence[tuple[int, EntryState, str]],
    unit: AppId,
    now: Status | None,
    now_s: float,
    heard: Sequence[Build],
) -> None:
    for build in heard:
        builds.record(db, build)
    journal.end(db, outcomes, now_s)
    if now is not None:
        status.put(db, unit, now)


def _let_go(db: Connection, app: AppId, versions: Sequence[int], entry: Entry) -> tuple[int, ...]:
    gone = retention.let_go(db, app, versions)
    if gone:
        journal.begin(db, [entry])
        events.append(db, app, "release.let_go", versions=gone)
    return gone


def _delete(statement: str, rows: Sequence[retention.Row], db: Connection) -> None:
    retention.delete(db, statement, rows)
