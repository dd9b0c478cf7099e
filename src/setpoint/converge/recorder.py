"""What is remembered of a pass: entries before the effects, outcomes after, status if it changed.

A settled pass writes nothing. Entries hold names and reasons, never values.
"""

from collections.abc import Callable, Sequence

import msgspec

from setpoint.converge.applier import Outcome
from setpoint.converge.observer import Sight
from setpoint.model import capability
from setpoint.model.app import Unit
from setpoint.model.capability import Unmet
from setpoint.model.condition import Condition, ConditionType, stamp
from setpoint.model.ids import AppId
from setpoint.model.job import Job
from setpoint.model.journal import DRIFTED, LEFT_RULE, REPAIRED, Entry, EntryState
from setpoint.model.observed import StatusSummary
from setpoint.model.release import Build
from setpoint.model.steps import Drift, Plan, SettleJob, SettleRelease, StartJob, Step, describe
from setpoint.store.port import Status, Store

RESULT_CHARS_MAX = 2000
"""A tool's last lines fit; a driver's novel does not fill the journal."""

CUT_OFF = "the plane stopped before it knew; what came of it was looked up again"

Told = tuple[int, EntryState, str]
"""(entry id, state, result), as the store takes them"""

_summary = msgspec.json.Decoder(StatusSummary)


class Recorder:
    """`now`: unix seconds. `new_token`: a text that never comes twice."""

    def __init__(
        self, store: Store, now: Callable[[], float], new_token: Callable[[], str]
    ) -> None:
        self._store = store
        self._now = now
        self._new_token = new_token

    def has_news(self, sight: Sight, plan: Plan) -> bool:
        """Is there anything to take in that memory does not know yet?"""
        return bool(sight.left_open or sight.news) or self.has_drift(sight, plan)

    def has_drift(self, sight: Sight, plan: Plan) -> bool:
        """Is there any that was not told of, or is any over? The status says what was told."""
        return set(_drift(sight, plan)) != set(sight.drift)

    async def take_in(self, sight: Sight, plan: Plan) -> None:
        """What outsiders did; and that nobody knows what came of all that an earlier life (or a
        failed commit) left open."""
        if sight.left_open:
            left: list[Told] = [(id, "unknown", CUT_OFF) for id in sight.left_open]
            await self._store.end_pass(left, sight.unit.id, None, self._now())
        await self._tell_drift(sight, plan)

    async def begin(self, sight: Sight, plan: Plan) -> tuple[int, ...]:
        """One commit of all that is about to be done, and of the builds it leans on."""
        unit = sight.unit
        token, now_s = self._new_token(), self._now()
        entries = [_entry(unit, s, f"{token}.{n}", now_s) for n, s in enumerate(plan.steps)]
        jobs = [_handed(unit, s.job, now_s) for s in plan.steps if isinstance(s, StartJob)]
        return await self._store.begin_pass(entries, jobs, sight.news)

    async def _tell_drift(self, sight: Sight, plan: Plan) -> None:
        """Of what is left as outsiders made it: once when it is seen, and once when it is over."""
        now = _drift(sight, plan)
        drifted, over = set(now) - set(sight.drift), set(sight.drift) - set(now)
        if not drifted and not over:
            return
        now_s, token = self._now(), self._new_token()
        acts = [(DRIFTED, d.subject, d.text) for d in now if d in drifted]
        acts += [(REPAIRED, d.subject, "is as intended again") for d in sight.drift if d in over]
        entries = [
            _act(sight.unit, *act, f"{token}.drift.{n}", now_s) for n, act in enumerate(acts)
        ]
        await self._store.begin_pass(entries)

    async def end(
        self,
        app: AppId,
        ids: Sequence[int] = (),
        outcomes: Sequence[Outcome] = (),
        status: Status | None = None,
        news: Sequence[Build] = (),
    ) -> None:
        """One commit of all that came of it; none if there is nothing to say. `news`: of builds."""
        if not ids and status is None and not news:
            return
        told: list[Told] = [
            (i, o.state, o.result[:RESULT_CHARS_MAX]) for i, o in zip(ids, outcomes, strict=True)
        ]
        await self._store.end_pass(told, app, status, self._now(), news)

    def status(
        self, sight: Sight, plan: Plan, conditions: tuple[Condition, ...] | None = None
    ) -> Status | None:
        """The status to write, or None if it says what is known already."""
        before, unit = sight.status, sight.unit
        if before is not None and before.observed_generation > unit.generation:
            return None
        now_s = self._now()
        previous = before.conditions if before is not None else ()
        stamped = stamp(previous, conditions or plan.conditions, now_s)
        seen = sight.observed
        running = tuple(j for j in seen.job_facts if j.state == "running")
        settled = plan.settled and conditions is None and not plan.left_undone
        before_it = 0 if plan.withdrawn else seen.settled_generation
        summary = StatusSummary(
            plan.waiting,
            _unmet(before, plan, now_s),
            seen.sets,
            seen.route,
            running,
            settled_generation=unit.generation if settled else before_it,
            settled_in=seen.uptime if settled else seen.settled_in,
            drift=_drift(sight, plan),
        )
        if before is not None and before.observed_generation == unit.generation:
            unchanged = before.conditions == stamped and _same(before.summary, summary)
            if unchanged:
                return None
        return Status(unit.generation, stamped, msgspec.json.encode(summary), now_s)


def troubled(
    plan: Plan, message: str, *, stalled: bool, reason: str = "DriverRefused"
) -> tuple[Condition, ...]:
    """The plan's conditions, with what the world answered when it was carried out."""

    def told(c: Condition) -> Condition:
        if stalled and c.type is ConditionType.STALLED and not c.status:
            return msgspec.structs.replace(c, status=True, reason=reason, message=message)
        if not stalled and c.type is ConditionType.PROGRESSING:
            return msgspec.structs.replace(c, status=True, reason="Retrying", message=message)
        return c

    return tuple(told(c) for c in plan.conditions)


def _unmet(before: Status | None, plan: Plan, now_s: float) -> tuple[Unmet, ...]:
    if not plan.unmet:
        return ()
    return capability.stamp(_told(before).unmet, plan.unmet, now_s)


def _told(before: Status | None) -> StatusSummary:
    """What can be read of an earlier status."""
    try:
        return _summary.decode(before.summary) if before is not None else StatusSummary()
    except msgspec.DecodeError:
        return StatusSummary()


def _same(before: bytes, after: StatusSummary) -> bool:
    """Traffic alone is no news: a request must not cost a commit."""
    try:
        known = _summary.decode(before)
    except msgspec.DecodeError:
        return False
    return _at_rest(known) == _at_rest(after)


def _at_rest(summary: StatusSummary) -> StatusSummary:
    return msgspec.structs.replace(summary, sets=tuple(s.at_rest for s in summary.sets))


def _handed(unit: Unit, job: Job, now_s: float) -> Job:
    """One that nobody asked for was asked for by its moment."""
    return msgspec.structs.replace(
        job,
        state="handed",
        incarnation=unit.incarnation,
        asked_at_s=job.asked_at_s or now_s,
    )


def _drift(sight: Sight, plan: Plan) -> tuple[Drift, ...]:
    """What is being repaired by now is not repaired yet."""
    before = () if plan.settled else sight.drift
    return (*plan.drift, *(d for d in before if d not in plan.drift))


def _act(unit: Unit, verb: str, subject: str, because: str, token: str, now_s: float) -> Entry:
    return Entry(
        id=0,
        app=unit.id,
        generation=unit.generation,
        kind="act",
        verb=verb,
        subject=subject,
        rule=LEFT_RULE,
        because=because,
        change=None,
        state="succeeded",
        planned_at_s=now_s,
        ended_at_s=now_s,
        token=token,
    )


def _entry(unit: Unit, step: Step, token: str, now_s: float) -> Entry:
    verb, subject = describe(step)
    return Entry(
        id=0,
        app=unit.id,
        generation=unit.generation,
        kind="verdict" if isinstance(step, SettleRelease | SettleJob) else "step",
        verb=verb,
        subject=subject,
        rule=step.because.rule,
        because=step.because.text,
        change=step.because.change,
        state="planned",
        planned_at_s=now_s,
        token=token,
    )
