"""A forecast in the journal's words: which steps, and what it would not come to."""

from collections.abc import Sequence

from setpoint.model.answer import PlannedStep
from setpoint.model.capability import Unmet
from setpoint.model.steps import Plan, describe


def steps(passes: Sequence[Plan]) -> tuple[PlannedStep, ...]:
    return tuple(
        PlannedStep(number, *describe(step), step.because.text, step.because.rule)
        for number, plan in enumerate(passes, start=1)
        for step in plan.steps
    )


def ends(passes: Sequence[Plan], already: Sequence[Unmet] = ()) -> tuple[str, ...]:
    """What is still waited on, unmet or stalled in the last pass. `already`: unmet as it is, of
    which nothing is told."""
    if not passes:
        return ()
    last = passes[-1]
    stalled = (c.message for c in last.conditions if c.type == "Stalled" and c.status)
    known = {(u.path, u.wanted) for u in already}
    unmet = (
        f"{u.path}: wanted {u.wanted}, offered {u.offered}: {u.because}"
        for u in last.unmet
        if (u.path, u.wanted) not in known
    )
    return (*stalled, *unmet, *(w.because for w in last.waiting))
