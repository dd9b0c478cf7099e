"""Stages 0 and 9: is the level of isolation had that the app asks for?

Where it is not, nothing of it runs, nor is anything of it built, which runs its code as well. What
ran goes as it does when nobody wants it any more; nothing is lowered in silence. That is no drift,
and is done though somebody froze it.
"""

from setpoint.model.level import LEVEL_WORDS, at_least
from setpoint.model.steps import (
    EnsureRoute,
    RemoveProcesses,
    StartBuild,
    StartJob,
    Step,
    StopJob,
)
from setpoint.planning.draft import Draft


def plan_isolation(draft: Draft) -> None:
    wanted = draft.unit.intent.isolation_level_min
    if wanted is None:
        return
    draft.want("level")
    offered, name = draft.capabilities.level, draft.unit.name
    if at_least(offered, wanted):
        return
    draft.too_low = True
    runs = f"apps run at level {offered} here ({LEVEL_WORDS[offered]})"
    because = f"{runs}, and nothing of {name} is to run below {wanted}"
    draft.fall_short("isolation_level_min", wanted, offered, "level", because)
    draft.stall(
        "LevelTooLow",
        f"{name} asks for isolation level {wanted}, and this machine has {offered}: nothing of it "
        f"runs, until the machine has it or less will do: setpoint isolation {name} {offered}",
    )


def withdraws(step: Step) -> bool:
    """Takes away what runs, or requests from it."""
    return isinstance(step, EnsureRoute | RemoveProcesses | StopJob)


def hold_back(draft: Draft) -> None:
    """What of the plan would run its code. That of sets nobody wanted in the first place."""
    if not draft.too_low:
        return
    held = [step for step in draft.steps if isinstance(step, StartBuild | StartJob)]
    draft.steps = [step for step in draft.steps if step not in held]
    idle = {name for step in held for name in _waited_on(step)}
    draft.waiting = [w for w in draft.waiting if w.on not in idle]
    draft.serving = False
    draft.left_undone = True


def _waited_on(step: Step) -> tuple[str, ...]:
    if isinstance(step, StartJob):
        return (step.order.dyno, step.order.dyno.partition(".")[0])
    return ("build",)
