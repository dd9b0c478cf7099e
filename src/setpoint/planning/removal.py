"""A deleted app: out of the routes first, then its processes, then nothing is left to remember."""

from setpoint.model.steps import ForgetApp, RemoveProcesses, RemoveRoute
from setpoint.planning.draft import Draft


def plan_removal(draft: Draft) -> None:
    unit, observed = draft.unit, draft.observed
    because = draft.because("destroy", f"{unit.name} was destroyed")
    if observed.route is not None:
        draft.steps.append(RemoveRoute(unit.id, unit.generation, because))
        return
    for facts in observed.sets:
        if not facts.retiring:
            draft.steps.append(RemoveProcesses(facts.key, unit.generation, because))
        else:
            draft.wait(facts.key.process, f"{facts.key.process} is stopping")
    if not observed.sets:
        draft.steps.append(ForgetApp(unit.id, because))
