"""Scripts of app.json: one when an app first serves, one before a review app ends. Each runs once
or never, as every job."""

import hashlib

from setpoint.model.ids import JobId
from setpoint.model.job import RELEASE_S_MAX, Job
from setpoint.model.release import Release
from setpoint.model.retention import DAY_S
from setpoint.planning import jobs, releases
from setpoint.planning.draft import Draft

POSTDEPLOY, PREDESTROY = "postdeploy", "predestroy"
FIRST_S_MAX = DAY_S / 2
"""An app that first serves later than that after it began had its script for nothing: rows of jobs
are kept for a day at least, so within it none is taken for one that never ran."""


def plan_postdeploy(draft: Draft) -> None:
    setup, target = draft.unit.intent.setup, draft.target
    if setup is None or not setup.postdeploy or draft.now_s - setup.at_s > FIRST_S_MAX:
        return
    if target is None or target.status != "succeeded" or _row(draft, POSTDEPLOY) is not None:
        return
    _start(draft, target, POSTDEPLOY, setup.postdeploy, f"{target.label} is the first to serve")


def plan_predestroy(draft: Draft) -> bool:
    """True while the app has to stay for it. Whether it succeeds makes no difference."""
    setup, coupling = draft.unit.intent.setup, draft.unit.intent.pipeline
    serving = releases.proven(draft.observed)
    if setup is None or not setup.predestroy or serving is None or not serving.slug_kept:
        return False
    if coupling is None or coupling.stage != "review" or draft.too_low:
        return False
    row = _row(draft, PREDESTROY)
    if row is not None and row.final:
        return False
    if row is None:
        _start(draft, serving, PREDESTROY, setup.predestroy, "the review app is to end")
    else:
        jobs.follow(draft, row)
    draft.wait(PREDESTROY, "its pr-predestroy script runs")
    return True


def job_id(app: str, script: str) -> JobId:
    return JobId(hashlib.sha256(f"script\0{app}\0{script}".encode()).hexdigest()[:32])


def _row(draft: Draft, script: str) -> Job | None:
    wanted = job_id(draft.unit.id, script)
    return next((job for job in draft.observed.jobs if job.id == wanted), None)


def _start(draft: Draft, release: Release, script: str, command: str, text: str) -> None:
    id = job_id(draft.unit.id, script)
    fresh = Job(
        id=id,
        app=release.app,
        kind="script",
        dyno=f"{script}.{jobs.number(id)}",
        command=command,
        release=release.version,
        change=release.change,
        run_s_max=RELEASE_S_MAX,
    )
    because = draft.because(script, f"{text}, and app.json has a script for that", release.change)
    jobs.start(draft, fresh, release, because)
