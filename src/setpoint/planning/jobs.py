"""Stage 8: jobs are handed over once, followed to their end, and what came of them is recorded.

An id that the supervisor was ever told of does not start again, so a hand-over of which nobody
knows the outcome is repeated without fear.
"""

import hashlib
from typing import Literal

from setpoint.model.app import Formation
from setpoint.model.change import Because
from setpoint.model.egress import INTERNET
from setpoint.model.ids import JobId
from setpoint.model.job import CronJob, Job, JobEnd, JobFacts, JobOrder
from setpoint.model.process import Exit
from setpoint.model.release import ProcessType, Release
from setpoint.model.steps import SettleJob, StartJob, StopJob
from setpoint.planning import processes, schedule
from setpoint.planning.draft import Draft

CATCH_UP_S = 300.0
"""A scheduled command that could not start when it was due is started late, but not later."""


def plan_jobs(draft: Draft) -> None:
    for job in draft.observed.jobs:
        if not job.final:
            follow(draft, job)
    _plan_scheduled(draft)


def number(id: JobId) -> int:
    """As Heroku numbers one-off dynos: four digits."""
    return 1000 + int(hashlib.sha256(id.encode()).hexdigest(), 16) % 9000


def start(draft: Draft, job: Job, release: Release, because: Because) -> None:
    """Hand it over. Nothing in the step tells the time: the same wish again is the same step."""
    dyno = job.dyno.partition(".")[0]
    type_ = _type(release, job, dyno)
    spec = processes.spec_of(draft, release, type_, Formation(1, 1, job.size))
    order = JobOrder(
        id=job.id,
        app=job.app,
        app_name=draft.unit.name,
        dyno=job.dyno,
        spec=spec,
        run_s_max=job.run_s_max,
        attached=job.attached,
        tty=job.tty,
        egress=draft.unit.intent.egress or INTERNET,
        fence=draft.unit.fence,
        level_min=draft.unit.intent.isolation_level_min,
    )
    draft.steps.append(StartJob(order, job, release.config | job.environment, because))


def _type(release: Release, job: Job, dyno: str) -> ProcessType:
    """What it runs on: the files and tools of the slug's first process."""
    base = next(iter(release.slug.processes), None)
    layer, runtime = (base.layer, base.runtime) if base is not None else (None, "")
    return ProcessType(dyno, "worker", job.command, layer=layer, runtime=runtime)


def follow(draft: Draft, job: Job) -> None:
    facts = next((f for f in draft.observed.job_facts if f.id == job.id), None)
    if job.incarnation not in (0, draft.unit.incarnation):
        text = f"{job.dyno} was handed over before this memory was restored from a backup"
        _settle(draft, job, JobEnd("lost", "nobody knows what became of it"), text)
    elif facts is not None and facts.state != "running":
        end = _end(job, facts)
        _settle(draft, job, end, f"{job.dyno} {end.message}")
    elif job.stop_asked:
        because = draft.because("stop-job", f"somebody wants {job.dyno} to end", job.change)
        _stop(draft, job, facts, because)
    elif facts is not None and draft.too_low:
        _stop(draft, job, facts, draft.because("level", f"{job.dyno} may not run at this level"))
    elif facts is None:
        _hand_over(draft, job)


def phase_ahead(draft: Draft, id: JobId, version: int) -> str | None:
    """Why the release phase of this version has to wait, if another one of its app might run.

    Two never run side by side: each may be altering the same database. Processes are asked as
    well as rows: memory may have given up on one, or be read late.
    """
    others = [j for j in draft.observed.jobs if j.kind == "release" and j.id != id and not j.final]
    running = {
        f.id: f.dyno
        for f in draft.observed.job_facts
        if f.state == "running" and f.id != id and f.dyno.partition(".")[0] == "release"
    }
    ahead = next((j for j in others if j.release < version or j.id in running), None)
    if ahead is not None:
        return f"the release phase of v{ahead.release} is still running"
    return next((f"{dyno} is still running" for dyno in running.values()), None)


def _hand_over(draft: Draft, job: Job) -> None:
    release = next((r for r in draft.observed.releases if r.version == job.release), None)
    if release is None or not release.slug_kept:
        message = f"could not run: its release v{job.release} is gone"
        _settle(draft, job, JobEnd("failed", message), f"{job.dyno} {message}")
        return
    if job.kind == "release" and release.status != "pending":
        _call_off(draft, job, release)
        return
    if job.kind == "release" and (why := phase_ahead(draft, job.id, job.release)) is not None:
        draft.wait(job.dyno, why)
        return
    text = (
        f"{job.dyno} was asked for and is not started yet"
        if job.state == "pending"
        else f"nobody knows whether {job.dyno} was handed over; it starts once at most"
    )
    start(draft, job, release, draft.because("run-job", text, job.change))
    draft.wait(job.dyno, f"{job.dyno} is being started")


def _call_off(draft: Draft, job: Job, release: Release) -> None:
    """A release phase that nobody saw start, and whose release is not to come any more."""
    text = f"{release.label} is {release.status}, and its release phase was not seen to start"
    draft.steps.append(StopJob(job.app, job.id, job.dyno, draft.because("call-off", text)))
    draft.wait(job.dyno, f"{job.dyno} is called off")


def _stop(draft: Draft, job: Job, facts: JobFacts | None, because: Because) -> None:
    if job.state == "pending" and facts is None:
        end = JobEnd("stopped", "was stopped before it was started")
        _settle(draft, job, end, f"{job.dyno} {end.message}")
        return
    if facts is None or not facts.stopping:
        draft.steps.append(StopJob(job.app, job.id, job.dyno, because))
    draft.wait(job.dyno, f"{job.dyno} is stopping")


def _end(job: Job, facts: JobFacts) -> JobEnd:
    """What its facts come to. One that was told to end did not do its work, whatever it says."""
    if facts.state == "lost":
        return JobEnd("lost", "was lost: nobody knows how far it came", None, facts.started_at_s)
    exit = facts.exit
    if exit is None:
        return JobEnd("stopped", "was stopped before it was started")
    state = _verdict(exit)
    late = f"was not done within {job.run_s_max:g} s and was killed"
    head = late if exit.timed_out else exit.text
    message = "\n".join((head, *facts.last_lines)) if state == "failed" else head
    return JobEnd(state, message, exit.code, facts.started_at_s, facts.ended_at_s or exit.at_s)


def _verdict(exit: Exit) -> Literal["succeeded", "failed", "stopped"]:
    if exit.timed_out:
        return "failed"
    if exit.expected:
        return "stopped"
    return "failed" if exit.code else "succeeded"


def _settle(draft: Draft, job: Job, end: JobEnd, text: str) -> None:
    because = draft.because("job-ended", text.splitlines()[0], job.change)
    draft.steps.append(SettleJob(job.app, job.id, job.dyno, end, because))


# --- scheduled -----------------------------------------------------------------------------------


def _plan_scheduled(draft: Draft) -> None:
    release = draft.target
    if release is None or release.status != "succeeded":
        return
    for place, cron in enumerate(release.slug.schedule):
        draft.alarms_s.append(schedule.next_due_s(cron.schedule, draft.now_s) - draft.now_s)
        _run_if_due(draft, release, place, cron)


def _run_if_due(draft: Draft, release: Release, place: int, cron: CronJob) -> None:
    """Once for each moment it was due; never beside an earlier run of the same command. A release
    that is yet to be cut was cut by a clock that was ahead."""
    due_s = schedule.last_due_s(cron.schedule, draft.now_s)
    before_it = due_s < release.created_at_s <= draft.now_s
    if before_it or draft.now_s - due_s > CATCH_UP_S:
        return
    id = _scheduled_id(draft, place, cron, due_s)
    rows = draft.observed.jobs
    if any(j.id == id for j in rows):
        return
    if any(j.kind == "scheduled" and j.command == cron.command and not j.final for j in rows):
        return
    job = Job(
        id=id,
        app=release.app,
        kind="scheduled",
        dyno=f"scheduler.{number(id)}",
        command=cron.command,
        release=release.version,
        change=release.change,
        due_s=due_s,
    )
    text = f"{cron.command.split()[0]} is to run at {cron.schedule} and was due"
    start(draft, job, release, draft.because("due", text, release.change))


def _scheduled_id(draft: Draft, place: int, cron: CronJob, due_s: float) -> JobId:
    parts = (draft.unit.id, str(place), cron.schedule, cron.command, str(int(due_s)))
    return JobId(hashlib.sha256("\0".join(("scheduled", *parts)).encode()).hexdigest()[:32])
