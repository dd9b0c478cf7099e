"""Hears what comes of a script: passes as memory has them, acts of standing orders, the world.

It listens where the loop writes, so what is told is what a real journal would hold.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from setpoint.model.condition import Condition, ConditionType, find
from setpoint.model.ids import AppId, InstanceId
from setpoint.model.job import Job
from setpoint.model.journal import Entry
from setpoint.model.observed import StatusSummary
from setpoint.model.process import Act, Drain, Exit, Kill, Start, Stop
from setpoint.model.release import Build
from setpoint.store.port import Status, Store
from setpoint.testing.rehearsal.events import DYNO, Telling
from setpoint.testing.rehearsal.stage import Stage
from setpoint.testing.slot import Slot
from setpoint.testing.store import Outcomes

T = TypeVar("T")
_summary = msgspec.json.Decoder(StatusSummary)


class Ear:
    """`stage` tells of nothing before `listen`."""

    def __init__(self, stage: Stage, telling: Telling) -> None:
        self.stage = stage
        self.tell = telling
        self._names: dict[AppId, str] = {}
        self._violations = 0

    def listen(self) -> None:
        stage = self.stage
        stage.on_note = lambda what: self.tell("world", "", what)
        stage.hears = lambda store: cast_store(Overheard(store, self))
        stage.supervisor.on_act = both(stage.supervisor.on_act, self._on_act)
        stage.machine.on_change = both(self._on_change, stage.machine.on_change)

    def name(self, app: AppId) -> str:
        """Also of one that is forgotten by now."""
        unit = self.stage.store.rows.units.get(app)
        if unit is not None:
            self._names[app] = unit.name
        return self._names.get(app, app)

    def check(self) -> None:
        """Tell what must never have been, once."""
        for what in self.stage.watch.violations[self._violations :]:
            self.tell("violated", "", f"must never happen: {what}")
        self._violations = len(self.stage.watch.violations)

    # --- passes -----------------------------------------------------------------------------

    def planned(self, entries: Sequence[Entry]) -> None:
        first = entries[0]
        app = AppId(first.app)
        steps = [
            {"verb": e.verb, "subject": e.subject, "rule": e.rule, "because": e.because}
            for e in entries
        ]
        self.tell(
            "planned",
            self.name(app),
            f"plan for generation {first.generation}",
            *(f"{e.verb} {e.subject} — {e.because} [{e.rule}]" for e in entries),
            generation=first.generation,
            steps=steps,
        )

    def ended(self, outcomes: Outcomes) -> None:
        """Of one pass; what was left open by an earlier life counts as one too."""
        if not outcomes:
            return
        rows = [(self.stage.store.entries[id], state, result) for id, state, result in outcomes]
        good = all(state == "succeeded" for _, state, _ in rows)
        lines = [f"{e.verb} {e.subject}: {state}{_told(result)}" for e, state, result in rows]
        steps = [
            {"verb": e.verb, "subject": e.subject, "state": state, "result": result}
            for e, state, result in rows
        ]
        head = "done" if good else "not all of it was done"
        app = self.name(AppId(rows[0][0].app))
        self.tell("done", app, head, *([] if good else lines), steps=steps)

    def status(self, app: AppId, before: Status | None, after: Status | None) -> None:
        if after is None or after is before:
            return
        for condition in after.conditions:
            known = find(before.conditions, condition.type) if before is not None else None
            if _is_news(known, condition):
                self._condition(app, condition)
        self._waits(app, before, after)

    def _condition(self, app: AppId, condition: Condition) -> None:
        message = condition.message.splitlines() or [""]
        is_so = "yes" if condition.status else "no"
        told = f"{condition.type}: {is_so} ({condition.reason}) {message[0]}".rstrip()
        self.tell(
            "condition", self.name(app), told, *message[1:],
            type=condition.type, status=condition.status, reason=condition.reason,
            message=condition.message,
        )  # fmt: skip

    def _waits(self, app: AppId, before: Status | None, after: Status) -> None:
        now = _summary.decode(after.summary)
        old = _summary.decode(before.summary) if before is not None else StatusSummary()
        waits = [w for w in now.waiting if w.because not in {o.because for o in old.waiting}]
        unmet = [u for u in now.unmet if u not in old.unmet]
        for wait in waits:
            told = f"waits on {wait.on}: {wait.because} (looks again in {wait.look_again_s:g} s)"
            self.tell(
                "waits", self.name(app), told,
                on=wait.on, because=wait.because, look_again_s=wait.look_again_s,
            )  # fmt: skip
        for u in unmet:
            told = f"unmet: {u.path}: wanted {u.wanted}, offered {u.offered}: {u.because}"
            self.tell("waits", self.name(app), told, unmet=msgspec.to_builtins(u))

    def build(self, build: Build) -> None:
        if build.status in ("succeeded", "failed"):
            message = build.message.splitlines() if build.status == "failed" else []
            told = f"the build of {build.source[:8]} {build.status}"
            self.tell("world", self.name(build.app), told, *message, status=build.status)

    # --- standing orders and the world --------------------------------------------------------

    def _on_act(self, slot: Slot, act: Act) -> None:
        order, verb = slot.order, _spoken(type(act).__name__)
        match act:
            case Start():
                dyno = f"{order.spec.process}.{act.ordinal}"
            case Drain() | Stop() | Kill():
                dyno = dyno_of(act.instance)
            case _:
                dyno = order.spec.process
        told = f"{verb} {DYNO} of v{order.spec.release} — {act.because}"
        facts = {"verb": verb, "release": order.spec.release, "because": act.because}
        self.tell("act", self.name(order.key.app), told, dyno=dyno, **facts)

    def _on_change(self, id: InstanceId) -> None:
        proc, slot = self.stage.machine.procs.get(id), self._slot_of(id)
        if proc is None or slot is None:
            return
        app, dyno, release = self.name(slot.order.key.app), dyno_of(id), slot.order.spec.release
        if proc.code is not None:
            told = f"{DYNO} of v{release} {Exit(proc.code, 0.0).text}"
            self.tell("world", app, told, dyno=dyno, release=release, code=proc.code)
        elif proc.ready:
            self.tell("world", app, f"{DYNO} of v{release} listens", dyno=dyno, release=release)

    def _slot_of(self, id: InstanceId) -> Slot | None:
        slots = self.stage.supervisor.slots.values()
        return next((slot for slot in slots if id in slot.instances), None)


class Overheard:
    """The store, with somebody who listens to what passes write."""

    def __init__(self, store: Store, ear: Ear) -> None:
        self._store = store
        self._ear = ear

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def begin_pass(
        self, entries: Sequence[Entry], jobs: Sequence[Job] = (), builds: Sequence[Build] = ()
    ) -> tuple[int, ...]:
        ids = await self._store.begin_pass(entries, jobs, builds)
        self._hear(builds)
        self._ear.planned(entries)
        return ids

    async def end_pass(
        self,
        outcomes: Outcomes,
        unit: AppId,
        status: Status | None,
        now_s: float,
        builds: Sequence[Build] = (),
    ) -> None:
        before = await self._store.status(unit)
        await self._store.end_pass(outcomes, unit, status, now_s, builds)
        self._hear(builds)
        self._ear.ended(outcomes)
        self._ear.status(unit, before, await self._store.status(unit))

    def _hear(self, builds: Sequence[Build]) -> None:
        for build in builds:
            self._ear.build(build)


def both(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., None]:
    """One after the other, told the same."""

    def call(*told: Any) -> None:
        first(*told)
        second(*told)

    return call


def cast_store(store: Any) -> Store:
    """It has the rest of the port by `__getattr__`, which no type can say."""
    return store


def dyno_of(id: InstanceId) -> str:
    """'web.1' of 'web.1-000004'."""
    return id.rpartition("-")[0]


def _told(result: str) -> str:
    return f": {result.splitlines()[0]}" if result else ""


def _is_news(before: Condition | None, now: Condition) -> bool:
    """What a pass waits on is told by itself; that something is accepted is no news."""
    if now.type is ConditionType.ACCEPTED:
        return False
    if before is None:
        return now.status == (now.type is not ConditionType.SATISFIABLE)
    said = (before.status, before.reason) != (now.status, now.reason)
    return said or (now.type is not ConditionType.PROGRESSING and before.message != now.message)


def _spoken(word: str) -> str:
    """'give up' of 'GiveUp'."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in word).strip()
