"""What runs, as last seen: one line per instance and per job, as `heroku ps` has it."""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.process import Instance, Phase, SetFacts
from setpoint.model.release import Release
from setpoint.store.port import Store
from setpoint.views import jobs, lookup
from setpoint.views.jobs import JobLine


class Dyno(msgspec.Struct, frozen=True):
    """Times are unix seconds. `state` in Heroku's words: starting, up, stopping."""

    name: str
    process: str
    state: str
    release: int
    started_at_s: float
    ready_at_s: float | None
    id: str
    command: str = ""
    size: str = ""


class ProcessSet(msgspec.Struct, frozen=True):
    """One set of equal instances. `bounds`: '2' or '0..2'. `message`: how the last one ended."""

    process: str
    release: int
    bounds: str
    ready: int
    crashes: int
    gave_up: bool
    retiring: bool
    message: str


class Dynos(msgspec.Struct, frozen=True):
    """`seen_s_ago` None: no pass has looked yet."""

    app: str
    dynos: tuple[Dyno, ...]
    sets: tuple[ProcessSet, ...]
    seen_s_ago: float | None


async def dynos(store: Store, actor: Actor, name: str, now_s: float) -> Dynos:
    unit = await lookup.app_to(store, actor, "see", name)
    status, summary = await lookup.seen(store, unit.id)
    releases = {r.version: r for r in await store.releases(unit.id)}
    shown = [_dyno(unit, s, i, releases.get(s.release)) for s in summary.sets for i in s.live]
    shown += [_job(job) for job in await jobs.of_app(store, unit.id, 0) if job.live]
    return Dynos(
        app=unit.name,
        dynos=tuple(sorted(shown, key=lambda d: (d.process, d.name, -d.release))),
        sets=tuple(_set(s) for s in summary.sets),
        seen_s_ago=max(0.0, now_s - status.at_s) if status is not None else None,
    )


_HEROKU_STATE = {Phase.STARTING: "starting", Phase.READY: "up"}


def _dyno(unit: Unit, facts: SetFacts, instance: Instance, release: Release | None) -> Dyno:
    type_ = release.slug.process(facts.key.process) if release is not None else None
    wanted = unit.intent.formation_of(facts.key.process, type_.kind if type_ else "worker")
    return Dyno(
        name=f"{facts.key.process}.{instance.ordinal}",
        process=facts.key.process,
        state=_HEROKU_STATE.get(instance.phase, "stopping"),
        release=facts.release,
        started_at_s=instance.started_at_s,
        ready_at_s=instance.ready_at_s,
        id=instance.id,
        command=type_.command if type_ is not None else "",
        size=wanted.size,
    )


def _job(job: JobLine) -> Dyno:
    since_s = job.started_at_s if job.started_at_s is not None else job.asked_at_s
    return Dyno(
        name=job.dyno,
        process=job.dyno.partition(".")[0],
        state=job.state,
        release=job.release,
        started_at_s=since_s,
        ready_at_s=job.started_at_s,
        id=job.id,
        command=job.command,
        size=job.size,
    )


def _set(facts: SetFacts) -> ProcessSet:
    failed = facts.last_exit is not None and not facts.last_exit.expected
    return ProcessSet(
        process=facts.key.process,
        release=facts.release,
        bounds=str(facts.bounds),
        ready=len(facts.ready),
        crashes=facts.crashes,
        gave_up=facts.gave_up,
        retiring=facts.retiring,
        message=facts.last_exit.text if failed and facts.last_exit is not None else "",
    )
