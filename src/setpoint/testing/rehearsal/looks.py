"""What a question is answered with: how things are in the simulated world itself, and in memory."""

from collections.abc import Iterator

import msgspec

from setpoint.model.app import Unit
from setpoint.model.condition import ConditionType, find
from setpoint.model.ids import SetKey
from setpoint.model.observed import StatusSummary
from setpoint.model.steps import describe
from setpoint.model.text import told
from setpoint.planning.explain import ROUTINE_RULES
from setpoint.testing.rehearsal.ear import dyno_of
from setpoint.testing.rehearsal.stage import Stage
from setpoint.testing.slot import Slot
from setpoint.views.plans import DraftPlan

_summary = msgspec.json.Decoder(StatusSummary)


class Looks:
    """Lines for people. Nothing is changed by looking."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def status(self, name: str) -> tuple[str, ...]:
        """Of one app, or of all where `name` is ''."""
        units = [u for u in self._units() if name in ("", u.name)]
        lines = [line for unit in units for line in self._app(unit)]
        return tuple(lines) or ("there is no app",)

    def waiting(self) -> tuple[str, ...]:
        """Why it is not settled: what each app that is not waits on."""
        busy = (u for u in self._units() if self._stage.progressing(u))
        return tuple(line for unit in busy for line in self._waits(unit))

    def jobs(self, unit: Unit) -> tuple[str, ...]:
        rows = self._stage.store.rows.jobs.get(unit.id, ())
        told = (
            f"{j.dyno}  {j.kind}  {j.state}  v{j.release}  {j.command}  {j.message}".rstrip()
            for j in rows
        )
        return tuple(told) or (f"{unit.name} has no jobs",)

    def _units(self) -> list[Unit]:
        return sorted(self._stage.store.rows.units.values(), key=lambda u: u.name)

    def _app(self, unit: Unit) -> Iterator[str]:
        yield f"{unit.name}: {self._state(unit)}"
        yield from (f"  {line}" for line in self._waits(unit))
        for release in self._stage.store.rows.releases.get(unit.id, ())[:3]:
            message = release.message.splitlines() or [""]
            yield f"  {release.label} {release.status} {message[0]}".rstrip()
        slots = [s for k, s in self._stage.supervisor.slots.items() if k.app == unit.id]
        for slot in sorted(slots, key=lambda s: s.order.key):
            yield f"  {self._set(slot)}"
        yield from (f"  {line}" for line in self._routes(unit))

    def _state(self, unit: Unit) -> str:
        status = self._stage.store.rows.status.get(unit.id)
        if unit.intent.deleted:
            return "is being destroyed"
        if status is None or status.observed_generation < unit.generation:
            return "not looked at since its last Change"
        stalled = find(status.conditions, ConditionType.STALLED)
        if stalled is not None and stalled.status:
            return f"stalled: {stalled.message.splitlines()[0]}"
        return "converging" if self._stage.progressing(unit) else "settled"

    def _waits(self, unit: Unit) -> Iterator[str]:
        status = self._stage.store.rows.status.get(unit.id)
        summary = _summary.decode(status.summary) if status is not None else StatusSummary()
        for wait in summary.waiting:
            yield f"waits on {wait.on}: {wait.because}"
        for unmet in summary.unmet:
            yield f"unmet: {unmet.path}: wanted {unmet.wanted}, offered {unmet.offered}"

    def _set(self, slot: Slot) -> str:
        order = slot.order
        running = sorted(slot.instances.values(), key=lambda i: i.ordinal)
        shown = ", ".join(f"{dyno_of(i.id)} {i.phase}" for i in running) or "none running"
        leaving = ", leaving" if slot.retiring else ""
        gave_up = ", given up" if slot.gave_up else ""
        head = f"{order.spec.process} of v{order.spec.release}, {order.bounds} intended"
        return f"{head}{leaving}{gave_up}: {shown}"

    def _routes(self, unit: Unit) -> Iterator[str]:
        facts = self._stage.edge.routes.get(unit.id)
        for backend in facts.route.backends if facts is not None else ():
            hosts = ", ".join(backend.hosts)
            yield f"{hosts} -> {self._target(backend.process, backend.target)}"

    def _target(self, process: str, key: SetKey | None) -> str:
        slot = self._stage.supervisor.slots.get(key) if key is not None else None
        if key is None:
            return "nothing"
        return f"{process} of v{slot.order.spec.release}" if slot is not None else "what is gone"


def draft_lines(draft: DraftPlan) -> tuple[str, ...]:
    """Of `setpoint plan`: what would change, and every step until it is so."""
    lines = [f"{t.path}: {told(t.old)} -> {told(t.new)}" for t in draft.touches]
    steps = [s for p in draft.passes for s in p.steps if s.because.rule not in ROUTINE_RULES]
    lines += [f"{' '.join(describe(s))} — {s.because.text} [{s.because.rule}]" for s in steps]
    last = draft.passes[-1]
    lines += [f"unmet: {u.path}: wanted {u.wanted}, offered {u.offered}" for u in last.unmet]
    return tuple(lines) or ("nothing to do",)
