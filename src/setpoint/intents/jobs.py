"""A command is to run once in an app; a job is to end."""

import hashlib
from collections.abc import Mapping

import msgspec

from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to
from setpoint.model.app import SecretRef, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.ids import JobId
from setpoint.model.job import RUN_S_MAX, Job
from setpoint.model.level import Level
from setpoint.model.release import Release
from setpoint.planning import jobs
from setpoint.policy import limits, wishes, words
from setpoint.policy.names import shortened

VERB = "run a command in"
STOP = "stop a dyno of"
RELEASES_LOOKED_AT = 20
JOBS_LOOKED_AT = 50
NAMES_TRIED = 20


class Wish(msgspec.Struct, frozen=True):
    """`attached`: somebody's terminal is to be connected to it; `tty`: as a terminal, not a pipe.

    `run_s_max`: seconds, None for as long as any may run.
    """

    command: str
    size: str = "basic"
    environment: dict[str, str] = {}
    attached: bool = False
    tty: bool = False
    run_s_max: float | None = None


async def run(door: Door, asked: Asked, name: str, wish: Wish, offered: Level | None = None) -> Job:
    """Its row, on the release that serves. The loop hands it over; the same idempotency key again
    is the same job. `offered`: the level of isolation there is, where that is known."""
    unit = await app_to(door, asked, VERB, name)
    if offered is not None:
        wishes.check_runs(VERB, unit, offered)
    limits.check_command(name, wish.command)
    limits.check_job(name, wish.size, wish.environment, wish.run_s_max)
    release = await _release(door, unit)
    rows = await door.store.jobs(unit.id, JOBS_LOOKED_AT)
    live = [job for job in rows if not job.final]
    limits.check_jobs_live(name, len(live))
    environment, sealed = _sealed(door, wish.environment)
    config = await door.store.reveal(unit.intent.config)
    words.check_command(name, wish.command, {**config, **wish.environment})
    asked = words.accepted(asked, (*config.values(), *sealed.values()))
    id = _id(door, asked, unit, {job.dyno for job in live})
    job = Job(
        id=id,
        app=unit.id,
        kind="run",
        dyno=f"run.{jobs.number(id)}",
        command=wish.command,
        release=release.version,
        size=wish.size,
        by=asked.actor.email,
        why=asked.why,
        asked_at_s=asked.at_s,
        environment=environment,
        attached=wish.attached,
        tty=wish.attached and wish.tty,
        run_s_max=wish.run_s_max or RUN_S_MAX,
    )
    kept = await door.store.add_job(job, sealed)
    door.wake(unit.id)
    return kept


async def stop(door: Door, asked: Asked, name: str, wanted: str) -> Job:
    """`wanted`: a job's id, or its dyno's name. One that has ended stays as it ended."""
    unit = await app_to(door, asked, STOP, name)
    rows = await door.store.jobs(unit.id, JOBS_LOOKED_AT)
    found = next((job for job in rows if wanted in (job.id, job.dyno)), None)
    job = await door.store.stop_job(unit.id, found.id) if found is not None else None
    if job is None:
        raise NotFound(
            f"cannot stop '{shortened(wanted)}' of '{name}': no such job",
            f"`setpoint ps {name}` lists those there are",
        )
    door.wake(unit.id)
    return job


async def _release(door: Door, unit: Unit) -> Release:
    """The one that serves: what runs beside it sees the same code and config."""
    rows = await door.store.releases(unit.id, RELEASES_LOOKED_AT)
    release = next((r for r in rows if r.status == "succeeded" and r.slug_kept), None)
    if release is None:
        raise Invalid(
            f"cannot {VERB} '{unit.name}': it has no release yet",
            f"deploy first: setpoint deploy -a {unit.name}",
        )
    return release


def _sealed(
    door: Door, environment: Mapping[str, str]
) -> tuple[dict[str, SecretRef], dict[str, str]]:
    refs = {key: secrets.next_ref(door, None) for key in environment}
    return refs, {refs[key].key: value for key, value in environment.items()}


def _id(door: Door, asked: Asked, unit: Unit, taken: set[str]) -> JobId:
    """Two that run at once are not called the same."""
    if asked.idempotency_key:
        key = "\0".join(("run", unit.id, asked.idempotency_key))
        return JobId(hashlib.sha256(key.encode()).hexdigest()[:32])
    id = JobId(door.new_id())
    for _ in range(NAMES_TRIED):
        if f"run.{jobs.number(id)}" not in taken:
            break
        id = JobId(door.new_id())
    return id
