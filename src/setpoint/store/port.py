"""Durable memory, as the rest of the house sees it. One conformance suite per backend.

All of one Change is one transaction: intent, change, change_unit, field provenance, events,
secrets and idempotency key, or nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.app import AppIntent, SecretRef, Unit
from setpoint.model.change import Asked, Note, UnitChange
from setpoint.model.clock import Mark
from setpoint.model.condition import Condition
from setpoint.model.credential import OAuthClient, PeopleRow, SshKey
from setpoint.model.decision import Decided, Record, RecordKind
from setpoint.model.digest import ReadUpTo
from setpoint.model.drain import Shipped
from setpoint.model.errors import StoreError, Unreadable
from setpoint.model.history import Took
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.model.journal import Blemish, Entry, EntryState
from setpoint.model.pipeline import Pipeline, PipelineWrite, Promoted, Promotion
from setpoint.model.release import Build, Release
from setpoint.model.retention import Pruned, Retention
from setpoint.model.signal import Sample, Sums
from setpoint.model.webhook import Delivery


class UnitWrite(msgspec.Struct, frozen=True):
    """One unit's new intent. `rev_expected`: None for a create, else the rev that was read.

    The store derives the touches (path, old, new) by comparing documents, so provenance can't lie.
    `whole`: refuse if rev moved at all; otherwise only if a path this write changes was changed
    by another since `rev_expected` (conflicts are per path).
    `restated`: paths said anew, touched by this Change even where the value is equal (a redeploy).
    `whys`: by path, what was said beside a value; kept with its touch, if it is touched.
    `promoted`: the slug of its source is taken over from there, in this transaction.
    """

    intent: AppIntent
    rev_expected: int | None
    whole: bool = False
    restated: tuple[str, ...] = ()
    whys: Mapping[str, str] = {}
    promoted: Promoted | None = None


class Committed(msgspec.Struct, frozen=True):
    change: int
    units: tuple[Unit, ...]


class Status(msgspec.Struct, frozen=True):
    """What was last observed and concluded about one unit, with its age. Unix seconds."""

    observed_generation: int
    conditions: tuple[Condition, ...]
    summary: bytes = b"null"
    """JSON of views' concern: waiting, unmet and the sets as last seen"""
    at_s: float = 0.0


class Standing(msgspec.Struct, frozen=True):
    """How an app is, as a list tells it. `status`: without its summary. `newest`, `serving`: of its
    releases, the highest version, and the highest that succeeded; 0 for none."""

    status: Status | None
    newest: int
    serving: int


class Remembered(msgspec.Struct, frozen=True):
    """All that a pass asks of one app, as of one moment. Builds, releases and jobs as their own
    methods have them.

    `left_open`: entries of its journal that were begun and have no outcome. `cursor`: of the newest
    event there was; what is written of the app later has a higher one.
    """

    unit: Unit
    status: Status | None
    builds: tuple[Build, ...]
    releases: tuple[Release, ...]
    jobs: tuple[Job, ...]
    left_open: tuple[int, ...] = ()
    cursor: int = 0


class Field(msgspec.Struct, frozen=True):
    path: str
    change: int


class Event(msgspec.Struct, frozen=True):
    cursor: int
    unit: str
    type: str
    body: bytes


class Touched(msgspec.Struct, frozen=True):
    """Whom something was written of since. `newest`: for each, the cursor of its newest event.

    `left_open`: those of whose journal an entry has no outcome. `cursor`: of the newest event there
    was. `whole`: False where events are not kept any more that would have told of others; then it
    may be any, and `newest` names none.
    """

    newest: dict[AppId, int]
    left_open: frozenset[AppId]
    cursor: int
    whole: bool


class Damaged(msgspec.Struct, frozen=True):
    """An app that is not forgotten, and what is wrong with its intent. Unix seconds."""

    app: AppId
    name: str
    generation: int
    fact: str
    owner: str = ""
    created_at_s: float = 0.0
    updated_at_s: float = 0.0


class Store(Protocol):
    """Every method may raise StoreError. Names in arguments are exact."""

    @property
    def incarnation(self) -> int:
        """Rises when what was acknowledged may be gone: at init, and at a restore from backup."""
        ...

    async def refusal(self) -> StoreError | None:
        """Why a write was not kept: the last such since `mark`. None: all were."""
        ...

    async def mark(self, mark: Mark) -> None:
        """Keep this in the place of what was marked before."""
        ...

    async def marked(self) -> Mark | None: ...

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
        """One Change, one transaction. `secrets`: 'id@version' -> plaintext of refs in `writes`.
        `decided`: a decision that is made with it, and that the Change is then part of.
        `pipeline`: is written, or taken away, with it.

        Raises Conflict (name taken, path changed meanwhile, slug kept no longer), NotFound.
        """
        ...

    async def pipelines(self) -> tuple[Pipeline, ...]:
        """By name, then owner."""
        ...

    async def begin_promotion(self, promotion: Promotion) -> None:
        """Before any of its targets is given anything. Twice is once."""
        ...

    async def refuse_promotion(self, id: str, app: AppId, error: str) -> None:
        """This target will not be given it."""
        ...

    async def promotion(self, id: str) -> Promotion | None: ...

    async def unit(self, id: AppId) -> Unit | None: ...

    async def rev(self, id: AppId) -> int | None:
        """The unit's, which each of its Changes raises; None where there is no such app."""
        ...

    async def remembered(
        self, ids: Sequence[AppId], releases: int, jobs: int
    ) -> dict[AppId, Remembered | Unreadable]:
        """All of one moment; nothing of those that are no app. `releases`, `jobs`: at most so many
        of each app."""
        ...

    async def unit_named(self, name: str) -> Unit | None: ...

    async def units(self) -> tuple[Unit, ...]:
        """All that are not forgotten and can be read, by name."""
        ...

    async def standings(self) -> dict[AppId, Standing]:
        """Of all that are not forgotten, read in one go."""
        ...

    async def unit_ids(self) -> frozenset[AppId]:
        """Of all that are not forgotten, whether they can be read or not."""
        ...

    async def damaged(self, only: AppId | None = None) -> tuple["Damaged", ...]:
        """Those whose intent cannot be read. `unit` and `unit_named` raise Unreadable for them.
        `only`: one app to look at."""
        ...

    async def forget(self, id: AppId) -> None:
        """The app is gone from the world: its name is free again, its story stays."""
        ...

    async def reveal(self, refs: Mapping[str, SecretRef]) -> dict[str, str]:
        """Decrypt. The only way to plaintext; callers are the applier and the config door."""
        ...

    def fingerprint(self, name: str, path: str, value: str) -> str:
        """By which two values of one path can be told apart, and nothing else."""
        ...

    async def changes(self, unit: AppId | None, limit: int = 50) -> tuple[UnitChange, ...]:
        """Newest first."""
        ...

    async def change(self, seq: int) -> tuple[UnitChange, ...]: ...

    async def note(self, change: int, asked: Asked) -> Note:
        """What is said of a Change afterwards. Raises NotFound."""
        ...

    async def notes(self, changes: Sequence[int]) -> dict[int, tuple[Note, ...]]:
        """Oldest first, by Change; nothing of those that have none."""
        ...

    async def decide(self, asked: Asked, decided: Decided) -> Record:
        """A decision of its own, with the next number; asked twice with one idempotency key it is
        the same. Raises Conflict."""
        ...

    async def say(
        self, decision: int, kind: RecordKind, asked: Asked, revisit_at_s: float | None = None
    ) -> Record:
        """What is said of a decision afterwards. Raises NotFound."""
        ...

    async def decisions(
        self,
        *,
        unit: AppId | None = None,
        numbers: Sequence[int] | None = None,
        bets: bool = False,
    ) -> tuple[Record, ...]:
        """All records, in their order: of every decision, of those that govern something of an
        app, of these, or of those whose bet is open or lost and that nothing replaced."""
        ...

    async def add_samples(
        self, samples: Sequence[Sample], sums: Sequence[Sums], before_s: float
    ) -> None:
        """Twice is once. Those of before that time are kept no longer. `sums`: where all that is
        counted stands, which takes the place of what was said of it last."""
        ...

    async def replace_samples(self, unit: AppId, process: str, kept: Sequence[Sample]) -> None:
        """All there are of it, up to the newest of these."""
        ...

    async def counted(self) -> tuple[Sums, ...]: ...

    async def samples(self, unit: AppId, process: str, since_s: float) -> tuple[Sample, ...]:
        """Oldest first."""
        ...

    async def read_up_to(self, person: str) -> ReadUpTo | None:
        """How far somebody has read what changed; None: they never did."""
        ...

    async def have_read(self, person: str, change: int, at_s: float) -> ReadUpTo:
        """It never goes back."""
        ...

    async def commit_people(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        put: Sequence[PeopleRow] = (),
        gone: Sequence[PeopleRow] = (),
        secrets: Mapping[str, str] = {},
    ) -> int:
        """One Change that is no app's, one transaction: accounts and what they have are written, or
        taken away; an account goes with all it has. The Change's seq.

        `secrets`: 'id@version' -> plaintext, of OAuth clients that are new or get another one; of
        the others the secret stays. Of one that gets another one nothing else is written.

        Raises Conflict where another account has that email, an account has that SSH key already,
        or a client that is altered is there no more.
        """
        ...

    async def accounts(self) -> tuple[Account, ...]:
        """By email."""
        ...

    async def account(self, email: str) -> Account | None: ...

    async def tokens(self, account: str) -> tuple[Token, ...]:
        """Of one account, oldest first."""
        ...

    async def ssh_keys(self, account: str) -> tuple[SshKey, ...]:
        """Of one account, oldest first."""
        ...

    async def oauth_clients(self, account: str) -> tuple[OAuthClient, ...]:
        """Of one account, oldest first."""
        ...

    async def held_by(self, digest: bytes) -> tuple[Token, Account | None] | None:
        """The token of this digest, and whose it is: None for the installation itself."""
        ...

    async def senders(self) -> dict[AppId, int]:
        """Apps of which something is sent elsewhere, each with its rev."""
        ...

    async def shipped(self, app: AppId | None = None) -> tuple[Shipped, ...]:
        """What was recorded of drains, by id: of one app's, or of all."""
        ...

    async def record_shipped(self, states: Sequence[Shipped], gone: Sequence[str] = ()) -> None:
        """`gone`: ids of drains that are no more."""
        ...

    async def told_up_to(self) -> int | None:
        """Cursor of the newest event that webhooks were told of; None while there is none of
        them."""
        ...

    async def record_notices(self, new: Sequence[Delivery], up_to: int | None) -> None:
        """What is to be told, and up to which event that is all, in one transaction. Twice is
        once. `up_to` None: nobody wants to hear of anything, if that is so."""
        ...

    async def record_tried(self, delivery: Delivery) -> None: ...

    async def due_notices(
        self, now_s: float, limit: int, busy: Sequence[str]
    ) -> dict[str, tuple[Delivery, ...]]:
        """What is to be sent by now, by webhook, but of these; oldest first."""
        ...

    async def notices(self, app: AppId) -> tuple[Delivery, ...]:
        """Newest first."""
        ...

    async def fields(self, unit: AppId) -> tuple[Field, ...]:
        """Which Change set each live path."""
        ...

    async def field(self, unit: AppId, path: str) -> Field | None:
        """The same of one path; None if it is not set."""
        ...

    async def touching(self, unit: AppId, path: str, limit: int) -> tuple[UnitChange, ...]:
        """All that set or removed a path, newest first."""
        ...

    async def as_of(self, unit: AppId, at_s: float, change: int) -> AppIntent | None:
        """The document after the newest Change that was accepted by then, and has no higher seq."""
        ...

    async def events(self, after: int, limit: int = 500) -> tuple[Event, ...]:
        """Gapless above the floor, oldest first."""
        ...

    async def event_bounds(self) -> tuple[int, int]:
        """(floor, newest): cursors. Of events up to the floor nothing is kept any more."""
        ...

    async def touched(self, after: int) -> Touched:
        """Of which apps something was written after this cursor that a pass would read. Of none by
        name, where events that would have told of others are not kept; so it is of -1."""
        ...

    async def news(self, after: int) -> None:
        """Returns once there is an event after this cursor; at once, if there is one already."""
        ...

    async def tell(self, type_: str, **facts: object) -> None:
        """An event of the installation, which is no app's."""
        ...

    async def begin_pass(
        self, entries: Sequence[Entry], jobs: Sequence[Job] = (), builds: Sequence[Build] = ()
    ) -> tuple[int, ...]:
        """Record all a pass is about to do, before it does it; returns the entries' ids.

        `jobs`: those about to be handed over, with or without a row yet, in the same transaction.
        `builds`: what it has heard of, as `record_build` takes it.
        """
        ...

    async def end_pass(
        self,
        outcomes: Sequence[tuple[int, EntryState, str]],
        unit: AppId,
        status: Status | None,
        now_s: float,
        builds: Sequence[Build] = (),
    ) -> None:
        """Record all that came of it (entry id, state, result), and the status if it changed.
        That an outcome is unknown is no news of an entry that has one. `builds`: as in
        `begin_pass`."""
        ...

    async def record_acts(self, entries: Sequence[Entry], after: int) -> None:
        """Take standing acts into the journal; `after`: the supervisor's seq reached."""
        ...

    async def acts_seen(self) -> int: ...

    async def journal(self, unit: AppId, limit: int = 100) -> tuple[Entry, ...]:
        """Newest first."""
        ...

    async def proofread(self, after: int, limit: int) -> int | None:
        """Look over so many entries of all journals that follow this one. Where to go on; None at
        the end."""
        ...

    async def blemishes(self, unit: AppId) -> tuple[Blemish, ...]:
        """Entries of its journal that could not be read when they were last looked at, in order."""
        ...

    async def status(self, unit: AppId) -> Status | None: ...

    async def took(self, unit: AppId, limit: int = 100) -> tuple[Took, ...]:
        """How long the newest Changes took until a status first said that all of it is so. Those
        that were overtaken, or never came to be so, are left out. Newest first."""
        ...

    async def record_build(self, build: Build) -> None:
        """A fact: never goes back from succeeded or failed."""
        ...

    async def builds(self, app: AppId) -> tuple[Build, ...]: ...

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
        """The next version, unless `change` no longer is the app's newest shape (None), in one
        transaction; asking twice for the same (app, change) returns the same release."""
        ...

    async def settle_release(
        self, app: AppId, version: int, succeeded: bool, message: str
    ) -> None: ...

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        """Newest first."""
        ...

    async def release(self, app: AppId, version: int) -> Release | None: ...

    async def add_job(self, job: Job, secrets: Mapping[str, str] = {}) -> Job:
        """Somebody asked for it. Twice is once. `secrets`: 'id@version' -> plaintext of refs in it.

        Raises NotFound where its app is forgotten.
        """
        ...

    async def stop_job(self, app: AppId, id: JobId) -> Job | None:
        """Somebody wants it to end. None: there is no such job. One that has ended stays ended."""
        ...

    async def settle_job(self, app: AppId, id: JobId, end: JobEnd) -> None:
        """What came of it: said once, for ever."""
        ...

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        """Every one that has not ended, and the newest `limit` of each kind. Newest first."""
        ...

    async def record_source(self, digest: Digest, size_bytes: int, now_s: float) -> None: ...

    async def hold_source(self, digest: Digest, now_s: float) -> bool:
        """Is it known? Then it counts as uploaded just now, so that nobody removes it."""
        ...

    async def source_known(self, digest: Digest) -> bool: ...

    async def kept_releases(self) -> tuple[Release, ...]:
        """All whose slug is kept, of forgotten apps too; by app, newest first."""
        ...

    async def let_go(self, app: AppId, versions: Sequence[int], entry: Entry) -> tuple[int, ...]:
        """Their slugs are kept no longer. Tells which: the newest, one on its way and one that is
        gone back to stay. `entry` is written with them, in one transaction, if there are any."""
        ...

    async def drop_sources(self, digests: Sequence[Digest], before_s: float) -> tuple[Digest, ...]:
        """Forget these, unless an app is meant to be made of it, or it was uploaded or deployed
        since `before_s`. Tells which of them are not known any more."""
        ...

    async def prune(self, kept: Retention, now_s: float, *, dry_run: bool = False) -> Pruned:
        """Delete rows that are kept no longer; what an app, a kept release or a live job needs
        stays, and so does the journal of every live field."""
        ...

    async def close(self) -> None: ...
