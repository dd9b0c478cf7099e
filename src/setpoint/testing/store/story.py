"""Changes, events, the journal and status of the simulated store."""

import hashlib
from collections.abc import Sequence

import msgspec

from setpoint.model import paths
from setpoint.model.app import AppIntent
from setpoint.model.change import Asked, Note, UnitChange
from setpoint.model.condition import settled
from setpoint.model.digest import ReadUpTo
from setpoint.model.errors import NotFound
from setpoint.model.history import Took
from setpoint.model.ids import AppId
from setpoint.model.job import Job
from setpoint.model.journal import (
    ADRIFT_RULES,
    COUNTED_AMONG,
    Blemish,
    Entry,
    EntryState,
    told_already,
)
from setpoint.model.release import Build
from setpoint.store.port import Event, Field, Status, Touched
from setpoint.testing.store.tables import Tables

Outcomes = Sequence[tuple[int, EntryState, str]]


class Story(Tables):
    """What was asked for, what was done about it, and what came of it."""

    def fingerprint(self, name: str, path: str, value: str) -> str:
        return hashlib.sha256("\0".join((name, path, value)).encode()).hexdigest()[:12]

    async def changes(self, unit: AppId | None, limit: int = 50) -> tuple[UnitChange, ...]:
        found = [c for c in reversed(self.told) if unit is None or c.unit == unit]
        return tuple(found[:limit])

    async def change(self, seq: int) -> tuple[UnitChange, ...]:
        return tuple(c for c in self.told if c.change.seq == seq)

    async def note(self, change: int, asked: Asked) -> Note:
        made = await self.change(change)
        if not made:
            raise NotFound(f"cannot note anything of c{change}: there is no such Change")
        self.noted.append(Note(change, asked))
        for each in made:
            self._emit(each.unit, "change.noted", {"change": change})
        self._committed()
        return self.noted[-1]

    async def notes(self, changes: Sequence[int]) -> dict[int, tuple[Note, ...]]:
        found = {seq: tuple(n for n in self.noted if n.change == seq) for seq in changes}
        return {seq: notes for seq, notes in found.items() if notes}

    async def read_up_to(self, person: str) -> ReadUpTo | None:
        return self.read.get(person)

    async def have_read(self, person: str, change: int, at_s: float) -> ReadUpTo:
        before = self.read.get(person, ReadUpTo(0, 0.0))
        self.read[person] = ReadUpTo(max(change, before.change), max(at_s, before.at_s))
        self._committed()
        return self.read[person]

    async def field(self, unit: AppId, path: str) -> Field | None:
        return next((f for f in await self.fields(unit) if f.path == path), None)

    async def touching(self, unit: AppId, path: str, limit: int) -> tuple[UnitChange, ...]:
        made = await self.changes(unit, len(self.told))
        return tuple(c for c in made if any(t.path == path for t in c.touches))[:limit]

    async def as_of(self, unit: AppId, at_s: float, change: int) -> AppIntent | None:
        made = await self.changes(unit, len(self.told))
        found = [c for c in made if c.change.seq <= change and c.change.asked.at_s <= at_s]
        # Of one that was here before this store was, only what it is now is known.
        return self._after.get((unit, found[0].change.seq)) if found else None

    async def fields(self, unit: AppId) -> tuple[Field, ...]:
        live = self.rows.units.get(unit)
        leaves = paths.flatten(live.intent) if live is not None else {}
        return tuple(Field(p, c) for p, c in self.provenance[unit].items() if p in leaves)

    async def events(self, after: int, limit: int = 500) -> tuple[Event, ...]:
        return tuple(e for e in self.log[after : after + limit] if e.cursor > self._floor)

    async def event_bounds(self) -> tuple[int, int]:
        return self._floor, len(self.log)

    async def touched(self, after: int) -> Touched:
        left = frozenset(AppId(app) for app, open_ in self.rows.left_open.items() if open_)
        if self._floor > after:
            return Touched({}, left, len(self.log), whole=False)
        newest = {AppId(e.unit): e.cursor for e in self.log[after:] if e.unit}
        return Touched(newest, left, len(self.log), whole=True)

    async def news(self, after: int) -> None:
        while len(self.log) <= after:
            await self._bell.next()

    async def tell(self, type_: str, **facts: object) -> None:
        self._emit("", type_, facts)
        self._committed(counts=False)

    async def begin_pass(
        self, entries: Sequence[Entry], jobs: Sequence[Job] = (), builds: Sequence[Build] = ()
    ) -> tuple[int, ...]:
        for build in builds:
            self._put_build(build)
        for job in jobs:
            self._put_job(msgspec.structs.replace(job, state="handed"))
            self._see_again(job)
        for entry in entries:
            self._tell_drift(entry)
        ids = tuple(self._add(entry) for entry in entries)
        self._committed()
        return ids

    async def proofread(self, after: int, limit: int) -> int | None:
        """Nothing here is ever damaged."""
        return None

    async def blemishes(self, unit: AppId) -> tuple[Blemish, ...]:
        return ()

    async def end_pass(
        self,
        outcomes: Outcomes,
        unit: AppId,
        status: Status | None,
        now_s: float,
        builds: Sequence[Build] = (),
    ) -> None:
        for build in builds:
            self._put_build(build)
        for id, state, result in outcomes:
            self._close(id, state, result, now_s)
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
        if after > self._acts_seen:
            for entry in entries:
                await self._count(entry)
                self._tell_drift(entry)
            self._acts_seen = after
        self._committed()

    async def _count(self, act: Entry) -> None:
        same = told_already(act, await self.journal(AppId(act.app), COUNTED_AMONG))
        if same is None:
            self._add(act)
            return
        self.entries[same.id] = msgspec.structs.replace(
            same,
            count=same.count + act.count,
            because=act.because,
            state=act.state,
            result=act.result,
            ended_at_s=act.ended_at_s if act.ended_at_s is not None else act.planned_at_s,
        )

    def _tell_drift(self, entry: Entry) -> None:
        if entry.rule in ADRIFT_RULES:
            said = {"subject": entry.subject, "because": entry.because}
            facts = {**said, "at_s": entry.planned_at_s}
            self._emit(entry.app, entry.verb, facts)

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
            Took(c.change.seq, c.change.verb, at_s - c.change.asked.at_s, at_s)
            for c in reversed(self.told)
            if unit in self.rows.units
            and c.unit == unit
            and (at_s := self._settled.get((unit, c.generation))) is not None
        ]
        return tuple(found[:limit])
