"""What the simulated store holds: one dict per table, and its last few states."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Note, UnitChange
from setpoint.model.clock import Mark
from setpoint.model.credential import OAuthClient, SshKey
from setpoint.model.decision import Record
from setpoint.model.digest import ReadUpTo
from setpoint.model.drain import Shipped
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.job import Job
from setpoint.model.journal import Entry, EntryState
from setpoint.model.pipeline import Pipeline, Promotion
from setpoint.model.release import Build, Release
from setpoint.model.signal import Sample, Sums
from setpoint.model.webhook import Delivery
from setpoint.store.bell import Bell
from setpoint.store.port import Committed, Event, Status

STATES_KEPT = 4
SPOILED = "cannot read an intent from the store: it was spoiled"


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
    left_open: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """entries of the journal without an outcome"""
    cursor: int = 0
    """of the newest event"""

    def copy(self) -> "Rows":
        return Rows(
            dict(self.units),
            dict(self.status),
            dict(self.builds),
            dict(self.releases),
            dict(self.jobs),
            dict(self.left_open),
            self.cursor,
        )


class Tables:
    """`writes` counts commits: a settled world must not move it. Those of the feed's canary, and of
    old events that go, come whether anything is settled or not.

    `moved_at`: for each app, when each of its generations began. `on_status` hears every status
    that is offered, also one that is refused for being older.
    """

    def __init__(self, incarnation: int = 1) -> None:
        self.incarnation = incarnation
        self.tenure = 0
        self.writes = 0
        self.rows = Rows()
        self.past: deque[Rows] = deque([Rows()], maxlen=STATES_KEPT)
        self.entries: dict[int, Entry] = {}
        self.entries_of: dict[str, list[int]] = defaultdict(list)
        self.told: list[UnitChange] = []
        self.noted: list[Note] = []
        self.decided: list[Record] = []
        self.read: dict[str, ReadUpTo] = {}
        self.people: dict[str, Account] = {}
        self.held: dict[str, Token] = {}
        self.ssh: dict[str, SshKey] = {}
        self.clients: dict[str, OAuthClient] = {}
        self.sent: dict[str, Shipped] = {}
        self.lines: dict[str, Pipeline] = {}
        self.promoted: dict[str, Promotion] = {}
        self.notices_kept: dict[str, Delivery] = {}
        self.told_to = 0
        self.sampled: dict[tuple[str, str, float], Sample] = {}
        self.sums: tuple[Sums, ...] = ()
        self.log: list[Event] = []
        self._bell = Bell()
        self.provenance: dict[AppId, dict[str, int]] = defaultdict(dict)
        self.secrets: dict[str, str] = {}
        self.moved_at: dict[AppId, list[tuple[int, float]]] = defaultdict(list)
        self.on_status: Callable[[AppId, Status], None] = lambda unit, status: None
        self.on_verdict: Callable[[AppId, int, bool], None] = lambda app, version, good: None
        self.mark_kept: Mark | None = None
        self.shut: StoreError | None = None
        """why no write is kept just now"""
        self.refused: StoreError | None = None
        """why the last one was not"""
        self.spoiled: set[AppId] = set()
        """whose intent cannot be read"""
        self._documents: dict[tuple[AppId, int], AppIntent] = {}
        self._after: dict[tuple[AppId, int], AppIntent] = {}
        self._changed_at: dict[tuple[AppId, str], int] = {}
        self._asked: dict[tuple[str, str], Committed] = {}
        self._sources: dict[Digest, float] = {}
        self._marks: list[tuple[float, int]] = []
        self._floor = 0
        self._settled: dict[tuple[AppId, int], float] = {}
        self._seq = 0
        self._rev = 0
        self._acts_seen = 0

    def take_up(
        self, unit: Unit, entries: Sequence[Entry] = (), settled_at_s: Mapping[int, float] = {}
    ) -> None:
        """One that was here before this store was; `entries` of its journal, oldest first, and when
        its generations came to be so."""
        self.rows.units[unit.id] = unit
        self._documents[unit.id, unit.rev] = self._after[unit.id, unit.last_change] = unit.intent
        self.moved_at[unit.id].append((unit.generation, unit.updated_at_s))
        self.incarnation = max(self.incarnation, unit.incarnation)
        self._seq, self._rev = max(self._seq, unit.last_change), max(self._rev, unit.rev)
        self._settled |= {(unit.id, g): at_s for g, at_s in settled_at_s.items()}
        for entry in entries:
            self._add(entry)

    def was_so(self, app: AppId) -> bool:
        """Has all that is intended of it now been so once?"""
        unit = self.rows.units.get(app)
        return unit is not None and (app, unit.generation) in self._settled

    def _emit(self, unit: str, type_: str, body: object) -> None:
        self.rows.cursor = len(self.log) + 1
        self.log.append(Event(self.rows.cursor, unit, type_, msgspec.json.encode(body)))

    @property
    def floor(self) -> int:
        """Place of the newest event that is kept no longer."""
        return self._floor

    def _committed(self, *, counts: bool = True) -> None:
        """`counts`: not where it is about the story alone, whatever the apps do."""
        self.writes += counts
        self.past.append(self.rows.copy())
        self._bell.ring()

    def _named(self, name: str) -> Unit | None:
        return next((u for u in self.rows.units.values() if u.name == name), None)

    def _add(self, entry: Entry) -> int:
        id = len(self.entries) + 1
        self.entries[id] = msgspec.structs.replace(entry, id=id)
        self.entries_of[entry.app].append(id)
        if entry.state == "planned":
            self.rows.left_open[entry.app] = (*self.rows.left_open.get(entry.app, ()), id)
        return id

    def _close(self, id: int, state: EntryState, result: str, now_s: float) -> None:
        entry = self.entries[id]
        if state == "unknown" and entry.state != "planned":
            return
        self.entries[id] = msgspec.structs.replace(
            entry, state=state, result=result, ended_at_s=now_s
        )
        open_ = self.rows.left_open.get(entry.app, ())
        self.rows.left_open[entry.app] = tuple(other for other in open_ if other != id)

    def _put_build(self, build: Build) -> bool:
        """Is it news? What is final stays."""
        builds = self.rows.builds.get(build.app, ())
        known = next((b for b in builds if b.id == build.id), None)
        if known is not None and known.final:
            return False
        others = tuple(b for b in builds if b.id != build.id)
        self.rows.builds[build.app] = (*others, build)
        self._emit(build.app, f"build.{build.status}", {"id": build.id})
        return True

    def _job(self, app: AppId, id: JobId) -> Job | None:
        return next((j for j in self.rows.jobs.get(app, ()) if j.id == id), None)

    def _see_again(self, job: Job) -> None:
        """One that has ended is the newest, where it is asked for once more."""
        known = self._job(job.app, job.id)
        if known is not None and known.final:
            others = (j for j in self.rows.jobs[job.app] if j.id != job.id)
            self.rows.jobs[job.app] = (known, *others)

    def _put_job(self, job: Job) -> None:
        """In its place, or as the newest. What is final stays; what was asked to stop, too."""
        rows = self.rows.jobs.get(job.app, ())
        known = self._job(job.app, job.id)
        if known is None:
            self.rows.jobs[job.app] = (job, *rows)
        elif not known.final:
            job = msgspec.structs.replace(job, stop_asked=job.stop_asked or known.stop_asked)
            self.rows.jobs[job.app] = tuple(job if j.id == job.id else j for j in rows)
