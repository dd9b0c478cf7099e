"""Stage 9: what is left undone while an app is frozen, or its drift only reported.

The plan is made as always, and then held back: what would be done can be told, and is.
"""

import msgspec

from setpoint.model.app import Upkeep
from setpoint.model.process import Phase
from setpoint.model.steps import (
    Drift,
    EnsureProcesses,
    EnsureRoute,
    SettleJob,
    StartBuild,
    StartJob,
    Step,
    StopJob,
    describe,
)
from setpoint.model.text import when
from setpoint.planning import builds, isolation, layers
from setpoint.planning.draft import Draft
from setpoint.planning.explain import DRIFT_RULES, ROUTINE_RULES
from setpoint.planning.processes import UPKEEP_RULE, Wanted

MOVING = (Phase.STARTING, Phase.DRAINING, Phase.STOPPING)
TOLD_MAX = 3
"""Things held back that one message tells; the plan has them all."""


def hold_back(draft: Draft, wanted: tuple[Wanted, ...]) -> None:
    upkeep = draft.upkeep
    if upkeep is None:
        return
    if upkeep.until_s is not None:
        draft.alarms_s.append(upkeep.until_s - draft.believed_s)
    held = [
        step
        for step in draft.steps
        if _is_held(draft, upkeep, step) and not (draft.too_low and isolation.withdraws(step))
    ]
    draft.steps = [_as_it_is(draft, upkeep, step) for step in draft.steps if step not in held]
    draft.drift = [
        Drift(describe(s)[1], s.because.text) for s in held if s.because.rule in DRIFT_RULES
    ]
    idle = _nobody_comes(draft, upkeep, wanted, held)
    told = [s.because.text for s in held if s.because.rule not in ROUTINE_RULES]
    named = _processes(held)
    told += [w.because for w in draft.waiting if w.on in idle - named]
    draft.waiting = [w for w in draft.waiting if w.on not in idle]
    draft.left_undone |= bool(told)
    if told and not _is_helped(draft, upkeep):
        draft.stall(*_told(draft, upkeep, told))


def _is_helped(draft: Draft, upkeep: Upkeep) -> bool:
    """By a release on its way: where drift is reported, that is rolled out with all it needs. Who
    waits for it is not to take the drift of what runs for its end."""
    on_its_way = builds.released(draft) is None and bool(draft.steps or draft.waiting)
    return upkeep.mode == "report" and on_its_way


def _is_held(draft: Draft, upkeep: Upkeep, step: Step) -> bool:
    """A build and a job that somebody asked for leave alone what runs. So does telling the
    supervisor that it has to. Where drift is reported, a Change is rolled out on what was laid."""
    if step.because.rule == layers.RULE:
        return upkeep.mode == "freeze" or not draft.lays_first
    if upkeep.mode == "report":
        return step.because.rule in DRIFT_RULES
    if isinstance(step, StartJob):
        return step.job.kind != "run"
    leaves_alone = isinstance(step, StartBuild | SettleJob | StopJob) or _is_renewal(step)
    return not leaves_alone and step.because.rule != UPKEEP_RULE


def _is_renewal(step: Step) -> bool:
    """Of a route that stays as it is, so that nothing older gets at it meanwhile."""
    return isinstance(step, EnsureRoute) and step.because.rule in ROUTINE_RULES


def _as_it_is(draft: Draft, upkeep: Upkeep, step: Step) -> Step:
    """What freezes a set leaves it within the bounds it has, whatever is intended by now."""
    if upkeep.mode != "freeze" or not isinstance(step, EnsureProcesses):
        return step
    facts = next(s for s in draft.observed.sets if s.key == step.order.key)
    order = msgspec.structs.replace(step.order, bounds=facts.bounds)
    return msgspec.structs.replace(step, order=order)


def _nobody_comes(
    draft: Draft, upkeep: Upkeep, wanted: tuple[Wanted, ...], held: list[Step]
) -> set[str]:
    """What is waited on in vain: whatever would have brought it is held back."""
    sets = draft.observed.sets
    idle = _processes(held) | {w.process for w in wanted if w.facts is not None and w.facts.lost}
    if upkeep.mode == "freeze":
        idle |= {w.process for w in wanted} | {s.key.process for s in sets}
        dynos = {s.order.dyno for s in held if isinstance(s, StartJob)}
        idle |= dynos | {dyno.partition(".")[0] for dyno in dynos}
    return idle - {s.key.process for s in sets if any(i.phase in MOVING for i in s.instances)}


def _processes(steps: list[Step]) -> set[str]:
    return {s.order.key.process for s in steps if isinstance(s, EnsureProcesses)}


def _told(draft: Draft, upkeep: Upkeep, told: list[str]) -> tuple[str, str]:
    """(reason, message) of the Stalled condition."""
    name = draft.unit.name
    until = f" until {when(upkeep.until_s)}" if upkeep.until_s is not None else ""
    more = f"; and {len(told) - TOLD_MAX} more" if len(told) > TOLD_MAX else ""
    what = "; ".join(told[:TOLD_MAX]) + more
    if upkeep.mode == "freeze":
        return "Frozen", f"{name} is frozen{until}, so this waits: {what}; setpoint unfreeze {name}"
    return "Drifted", f"{what}; it is left so{until}, to repair it: setpoint unfreeze {name}"
