"""Dynos: what is seen running; a command run once; the restart of all, of a type, of one."""

from setpoint.api import find, permit, rendezvous
from setpoint.api.call import Call
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import jobs, restarts
from setpoint.model.app import Unit
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.process import SetFacts
from setpoint.model.release import Release
from setpoint.policy.names import shortened
from setpoint.views import lookup


async def listed(call: Call) -> tuple[shapes.Dyno, ...]:
    """From memory, as the last pass saw them."""
    unit = await find.app(call)
    store = call.services.store
    _, summary = await lookup.seen(store, unit.id)
    releases = await store.releases(unit.id)
    running = {facts.id: facts for facts in summary.jobs}
    rows = [job for job in await store.jobs(unit.id, 0) if not job.final]
    return (
        *(d for facts in summary.sets for d in _dynos(unit, facts, releases)),
        *(write.job(unit, job, running.get(job.id)) for job in rows),
    )


async def info(call: Call) -> shapes.Dyno:
    return await _found(call, await find.app(call), "see")


async def create(call: Call, body: read.NewDyno) -> shapes.Dyno:
    unit = await find.app(call, jobs.VERB)
    here = call.services.installation
    if body.attach and not here.rendezvous_port:
        raise Invalid(
            f"cannot {jobs.VERB} '{unit.name}': nothing listens for terminals here",
            f"use `setpoint run {unit.name}`, or run it detached",
        )
    wish = jobs.Wish(
        body.command,
        body.size_name,
        body.environment,
        attached=body.attach,
        tty=body.tty_size is not None,
        run_s_max=body.time_to_live,
    )
    level = call.services.capabilities().level
    job = await jobs.run(call.services.door, call.asked, unit.name, wish, level)
    if not body.attach:
        return write.job(unit, job, None)
    by = permit.shown(call.services, call.request.headers.get("authorization", ""))
    secret = rendezvous.secret(call.services, job, body.tty_size or (0, 0), by)
    return write.job(unit, job, None, f"rendezvous://localhost:{here.rendezvous_port}/{secret}")


async def restart(call: Call) -> shapes.Nothing:
    unit = await find.app(call, "restart")
    await restarts.restart(call.services.door, call.asked, unit.name)
    return shapes.Nothing()


async def restart_one(call: Call) -> shapes.Nothing:
    """By name or id, or a whole type by its name. Of a dyno the whole type is replaced too:
    instances of a set are equal, and which of them runs is the supervisor's matter. A job ends: it
    never starts a second time."""
    unit = await find.app(call, "restart")
    if "." not in call.param("dyno") and not find.UUID_RE.fullmatch(call.param("dyno")):
        await restarts.restart(call.services.door, call.asked, unit.name, call.param("dyno"))
    else:
        await _renew(call, unit, "restart")
    return shapes.Nothing()


async def stop(call: Call) -> shapes.Nothing:
    """As Heroku's ps:stop: an instance that is wanted comes back, a job does not."""
    await _renew(call, await find.app(call, jobs.STOP), "stop")
    return shapes.Nothing()


async def restart_type(call: Call) -> shapes.Nothing:
    unit = await find.app(call, "restart")
    await restarts.restart(call.services.door, call.asked, unit.name, call.param("type"))
    return shapes.Nothing()


async def _renew(call: Call, unit: Unit, verb: str) -> shapes.Dyno:
    services = call.services
    dyno = await _found(call, unit, verb)
    rows = await services.store.jobs(unit.id, 0)
    if any(job.dyno == dyno.name for job in rows):
        await jobs.stop(services.door, call.asked, unit.name, dyno.name)
    else:
        await restarts.restart(services.door, call.asked, unit.name, dyno.type)
    return dyno


async def _found(call: Call, unit: Unit, verb: str) -> shapes.Dyno:
    wanted = call.param("dyno")
    known = next((d for d in await listed(call) if wanted in (d.name, d.id)), None)
    if known is None:
        raise NotFound(
            f"cannot {verb} '{shortened(wanted)}' of '{unit.name}': no such dyno is running",
            f"`setpoint ps {unit.name}` lists those that are",
        )
    return known


def _dynos(unit: Unit, facts: SetFacts, releases: tuple[Release, ...]) -> tuple[shapes.Dyno, ...]:
    name = facts.key.process
    release = next((r for r in releases if r.version == facts.release), None)
    type_ = release.slug.process(name) if release is not None else None
    kind = type_.kind if type_ is not None else "worker"
    wanted = unit.intent.formation_of(name, kind)
    return write.dynos(unit, facts, type_.command if type_ is not None else "", wanted.size)
