"""Jobs: what ran once, runs, or is about to, in Heroku's words."""

import msgspec

from setpoint.model.change import Actor
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job, JobFacts, JobKind
from setpoint.store.port import Store
from setpoint.views import lookup

JOBS_SHOWN = 50


class JobLine(msgspec.Struct, frozen=True):
    """`state`: starting, up, stopping, complete, crashed, stopped, lost. Times are unix seconds.

    `message`: how it ended. `env`: names only. `by`: '' for the platform.
    """

    id: JobId
    dyno: str
    kind: JobKind
    state: str
    command: str
    size: str
    release: int
    by: str
    why: str
    asked_at_s: float
    started_at_s: float | None
    ended_at_s: float | None
    due_s: float | None
    code: int | None
    message: str
    attached: bool
    tty: bool
    env: tuple[str, ...]

    @property
    def live(self) -> bool:
        return self.state in ("starting", "up", "stopping")


async def jobs(
    store: Store, actor: Actor, name: str, limit: int = JOBS_SHOWN
) -> tuple[JobLine, ...]:
    """Every one that has not ended, and the newest `limit` of each kind. Newest first."""
    unit = await lookup.app_to(store, actor, "see", name)
    return await of_app(store, unit.id, limit)


async def of_app(store: Store, app: AppId, limit: int = JOBS_SHOWN) -> tuple[JobLine, ...]:
    _, summary = await lookup.seen(store, app)
    facts = {f.id: f for f in summary.jobs}
    return tuple(line(job, facts.get(job.id)) for job in await store.jobs(app, limit))


def line(job: Job, facts: JobFacts | None = None) -> JobLine:
    """`facts`: as last seen running."""
    started = job.started_at_s
    return JobLine(
        id=job.id,
        dyno=job.dyno,
        kind=job.kind,
        state=_state(job, facts),
        command=job.command,
        size=job.size,
        release=job.release,
        by=job.by,
        why=job.why,
        asked_at_s=job.asked_at_s,
        started_at_s=started if started is not None or facts is None else facts.started_at_s,
        ended_at_s=job.ended_at_s,
        due_s=job.due_s,
        code=job.code,
        message=job.message,
        attached=job.attached,
        tty=job.tty,
        env=tuple(job.environment),
    )


def _state(job: Job, facts: JobFacts | None) -> str:
    match job.state:
        case "pending" | "handed":
            if job.stop_asked or (facts is not None and facts.stopping):
                return "stopping"
            return "up" if facts is not None else "starting"
        case "succeeded":
            return "complete"
        case "failed":
            return "crashed"
        case "stopped" | "lost":
            return job.state
