"""A deleted app: out of the routes first, then its processes, then nothing is left to remember."""

from setpoint.model.change import Because
from setpoint.model.ids import JobId
from setpoint.model.steps import ForgetApp, RemoveProcesses, RemoveRoute, StopJob
from setpoint.planning import scripts
from setpoint.planning.draft import Draft


def plan_removal(draft: Draft) -> None:
    unit, observed = draft.unit, draft.observed
    if scripts.plan_predestroy(draft):
        return
    because = draft.because("destroy", f"{unit.name} was destroyed")
    if observed.route is not None:
        draft.steps.append(RemoveRoute(unit.id, unit.generation, because))
        return
    for facts in observed.sets:
        if not facts.retiring:
            draft.steps.append(RemoveProcesses(facts.key, unit.generation, because))
        else:
            draft.wait(facts.key.process, f"{facts.key.process} is stopping")
    busy = _end_jobs(draft, because)
    if not observed.sets and not busy:
        draft.steps.append(ForgetApp(unit.id, because))


def _end_jobs(draft: Draft, because: Because) -> bool:
    """True while one runs, or might: what was handed over and is not known yet may still arrive."""
    ended = {f.id for f in draft.observed.job_facts if f.state != "running"}
    stopping = {f.id for f in draft.observed.job_facts if f.stopping}
    live: dict[JobId, str] = {
        f.id: f.dyno for f in draft.observed.job_facts if f.state == "running"
    }
    live |= {j.id: j.dyno for j in draft.observed.jobs if j.state == "handed" and j.id not in ended}
    for id, dyno in live.items():
        if id in stopping:
            draft.wait(dyno, f"{dyno} is stopping")
        else:
            draft.steps.append(StopJob(draft.unit.id, id, dyno, because))
    return bool(live)
