"""Dynos: what is seen running; and the restart of all, of a type, of one."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats.heroku import shapes, write
from setpoint.intents import restarts
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.model.process import SetFacts
from setpoint.model.release import Release
from setpoint.policy.names import shortened
from setpoint.views import lookup


async def listed(call: Call) -> tuple[shapes.Dyno, ...]:
    """From memory, as the last pass saw them."""
    unit = await find.app(call)
    _, summary = await lookup.seen(call.services.store, unit.id)
    releases = await call.services.store.releases(unit.id)
    return tuple(d for facts in summary.sets for d in _dynos(unit, facts, releases))


async def restart(call: Call) -> shapes.Nothing:
    unit = await find.app(call, "restart")
    await restarts.restart(call.services.door, call.asked, unit.name)
    return shapes.Nothing()


async def restart_one(call: Call) -> shapes.Nothing:
    """By name or id. Its whole type is replaced: instances of a set are equal, and which of them
    runs is the supervisor's matter."""
    unit, wanted = await find.app(call, "restart"), call.param("dyno")
    known = next((d for d in await listed(call) if wanted in (d.name, d.id)), None)
    if known is None:
        raise NotFound(
            f"cannot restart '{shortened(wanted)}' of '{unit.name}': no such dyno is running",
            f"`setpoint status {unit.name}` lists those that are",
        )
    await restarts.restart(call.services.door, call.asked, unit.name, known.type)
    return shapes.Nothing()


async def restart_type(call: Call) -> shapes.Nothing:
    unit = await find.app(call, "restart")
    await restarts.restart(call.services.door, call.asked, unit.name, call.param("type"))
    return shapes.Nothing()


def _dynos(unit: Unit, facts: SetFacts, releases: tuple[Release, ...]) -> tuple[shapes.Dyno, ...]:
    name = facts.key.process
    release = next((r for r in releases if r.version == facts.release), None)
    type_ = release.slug.process(name) if release is not None else None
    kind = type_.kind if type_ is not None else "worker"
    wanted = unit.intent.formation_of(name, kind)
    return write.dynos(unit, facts, type_.command if type_ is not None else "", wanted.size)
