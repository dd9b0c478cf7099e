"""Apps: list, create, look, rename, close for a while, destroy."""

from collections.abc import Iterable

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import NoSuch, Unsupported
from setpoint.api.platform import stacks, unsupported
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import apps
from setpoint.intents import wishes as asking
from setpoint.model.app import Unit
from setpoint.model.errors import Invalid
from setpoint.policy import wishes
from setpoint.policy.names import shortened
from setpoint.views import lookup

LOCK = "lock"


async def listed(call: Call) -> tuple[shapes.App, ...]:
    """`released_at` is told of single apps only: it would cost one look per app here."""
    return shaped(call, call.page(await living(call)))


async def living(call: Call) -> tuple[Unit, ...]:
    """All that whoever asks may know of."""
    units = await lookup.apps_of(call.services.store, call.asked.actor)
    return tuple(unit for unit in units if not unit.intent.deleted)


def shaped(call: Call, units: Iterable[Unit]) -> tuple[shapes.App, ...]:
    return tuple(_shape(call, unit, None) for unit in units)


async def filtered(call: Call, body: read.AppFilter) -> tuple[shapes.App, ...]:
    """By id or by name, in one answer; those that are not there are left out."""
    wanted = {*body.among.id, *body.among.name}
    return shaped(call, (u for u in await living(call) if wanted & {u.id, u.name}))


async def create(call: Call, body: read.NewApp) -> shapes.App:
    _check_place(call, body)
    region = wishes.region(body.name or "the app", _region(call, body.region))
    unit = await apps.create(call.services.door, call.asked, body.name, region=region)
    return await _told(call, unit)


async def info(call: Call) -> shapes.App:
    return await _told(call, await find.app(call))


async def patch(call: Call, body: read.AppPatch) -> shapes.App:
    unit = await find.app(call, apps.RENAME if body.name is not None else apps.MAINTAIN)
    region = wishes.region(unit.name, _region(call, body.region))
    _check_stack(unit, body.build_stack, call.services.capabilities().stack)
    unit = await apps.update(
        call.services.door,
        call.asked,
        unit.name,
        new_name=body.name,
        maintenance=bool(body.maintenance) if body.maintenance is not None else None,
        region=region if body.region is not None else None,
    )
    return await _told(call, unit)


def _region(call: Call, said: object) -> str:
    return stacks.named(said, call.services.capabilities().regions)


async def enable_acm(call: Call) -> shapes.App:
    """Kept though it cannot be had: `setpoint gaps` tells so, and every domain does."""
    return await _acm(call, wanted=True)


async def refresh_acm(call: Call) -> shapes.App:
    return await _told(call, await find.app(call, asking.ACM))


async def disable_acm(call: Call) -> shapes.App:
    return await _acm(call, wanted=False)


async def _acm(call: Call, *, wanted: bool) -> shapes.App:
    unit = await find.app(call, asking.ACM)
    door, asked = call.services.door, call.asked
    return await _told(call, await asking.set_acm(door, asked, unit.name, wanted=wanted))


async def patch_team_app(call: Call, body: read.TeamAppPatch) -> shapes.App:
    """What is so already may be said again; nothing of it can be altered here."""
    unit = await find.app(call, LOCK)
    if body.locked:
        _refuse_lock(call, unit.name)
    if body.owner not in (None, unit.owner, *_team()):
        raise Unsupported(
            f"cannot hand '{unit.name}' over: an app stays with who created it",
            f"let them manage it: setpoint access {unit.name} --add EMAIL --role manage",
            unsupported.url(call),
        )
    return await _told(call, unit)


async def destroy(call: Call) -> shapes.App:
    """Heroku's clients ask the human themselves and send no `confirm`; ours sends it."""
    unit = await find.app(call, "destroy")
    answer = await _told(call, unit)
    confirm = call.request.query_params.get("confirm", unit.name)
    await apps.destroy(call.services.door, call.asked, unit.name, confirm)
    return answer


def _check_place(call: Call, body: read.NewApp) -> None:
    """Nobody is to believe that it is where it is not."""
    if body.team not in (None, "", *_team()):
        raise NoSuch(
            f"cannot create an app of '{shortened(body.team or '')}': "
            f"there is one team here, and it is {write.TEAM}",
            resource="team",
        )
    if body.space:
        why = "each app is walled off on this machine as it is"
        raise Unsupported(
            f"cannot create an app in a space: {why}", "leave the space out", unsupported.url(call)
        )
    if body.locked:
        _refuse_lock(call, body.name or "the app")


def _refuse_lock(call: Call, name: str) -> None:
    raise Unsupported(
        f"cannot lock '{name}': nobody joins an app by themselves here",
        "who has which role on it: heroku access",
        unsupported.url(call),
    )


def _team() -> tuple[str, str]:
    return write.TEAM, write.derived("team", write.TEAM)


def _check_stack(unit: Unit, wanted: str | None, offered: str) -> None:
    if wanted not in (None, offered):
        raise Invalid(
            f"cannot set the stack of '{unit.name}' to '{shortened(wanted or '')}': "
            f"this machine builds on {offered}, and on nothing else"
        )


async def _told(call: Call, unit: Unit) -> shapes.App:
    call.headers["ETag"] = unit.etag
    releases = await call.services.store.releases(unit.id, 10)
    served = next((r.created_at_s for r in releases if r.status == "succeeded"), None)
    return _shape(call, unit, served)


def _shape(call: Call, unit: Unit, released_at_s: float | None) -> shapes.App:
    here, regions = call.services.installation, call.services.capabilities().regions
    wanted = unit.intent.region
    return write.app(
        unit,
        region=wanted if wanted in regions else regions[-1],
        stack=call.services.capabilities().stack,
        web_url=f"http://{unit.name}.{here.host_suffix}:{here.edge_port}/",
        git_url=f"https://localhost:{here.tls_port}/{unit.name}.git" if here.tls_port else "",
        released_at_s=released_at_s,
    )
