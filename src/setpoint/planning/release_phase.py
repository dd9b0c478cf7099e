"""Stage 3: a release with a `release` process runs it once, before anything of it starts.

Meanwhile, and for good if it fails, what served before goes on as if nothing had been asked.
"""

import hashlib

from setpoint.model.ids import JobId
from setpoint.model.job import RELEASE_S_MAX, Job
from setpoint.model.release import ProcessType, Release
from setpoint.planning import jobs, releases
from setpoint.planning.draft import Draft

PROCESS = "release"


def plan_release_phase(draft: Draft) -> None:
    target = draft.target
    if target is None or target.status != "pending":
        return
    phase = target.slug.process(PROCESS)
    if phase is None or _done_before(draft, target):
        return
    job = next((j for j in draft.observed.jobs if j.id == job_id(target)), None)
    if job is not None and job.state == "succeeded":
        return
    draft.target = releases.proven(draft.observed)
    if job is not None and job.final:
        releases.settle(draft, target, False, f"its release phase {job.message}")
    elif job is None and (why := jobs.phase_ahead(draft, job_id(target), target.version)):
        draft.wait(PROCESS, why)
    elif job is None and draft.laying:
        draft.lays_first = True
        draft.wait(PROCESS, f"the release phase of {target.label} runs on what is laid again")
    else:
        _run(draft, target, phase, job)


def _done_before(draft: Draft, target: Release) -> bool:
    """For the same Change, which was built again on another stack: nobody asked for anything."""
    same = (r for r in draft.observed.releases if r.change == target.change and r != target)
    return any(r.status == "succeeded" and r.source == target.source for r in same)


def job_id(release: Release) -> JobId:
    """Derived, so that asking twice is one job."""
    key = "\0".join((PROCESS, release.app, str(release.version), str(release.change)))
    return JobId(hashlib.sha256(key.encode()).hexdigest()[:32])


def _run(draft: Draft, release: Release, phase: ProcessType, job: Job | None) -> None:
    """One that has a row already is the jobs stage's to start and to follow."""
    draft.wait(PROCESS, f"the release phase of {release.label} is running")
    if job is not None:
        return
    id = job_id(release)
    text = f"{release.label} has a release phase, and nothing of it starts before that"
    fresh = Job(
        id=id,
        app=release.app,
        kind="release",
        dyno=f"{PROCESS}.{jobs.number(id)}",
        command=phase.command,
        release=release.version,
        change=release.change,
        run_s_max=draft.unit.intent.release_s_max or RELEASE_S_MAX,
    )
    jobs.start(draft, fresh, release, draft.because("release-phase", text, release.change))
