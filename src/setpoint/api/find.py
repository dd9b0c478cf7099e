"""By name or by id, as every path with an app in it allows."""

import re

from setpoint.api.call import Call
from setpoint.formats.heroku.write import release_id
from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.errors import NotFound, Unreadable
from setpoint.model.ids import AppId, BuildId
from setpoint.model.release import Build, Release
from setpoint.policy import access
from setpoint.policy.names import shortened
from setpoint.store.port import Store
from setpoint.views import lookup

UUID_RE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def app(call: Call, verb: str = "see", *, leaving: bool = False) -> Unit:
    """The app of this path. `leaving`: also one that is being destroyed but not gone yet."""
    return await named(
        call.services.store, call.asked.actor, call.param("app"), verb, leaving=leaving
    )


async def app_of_capability(call: Call) -> Unit:
    """The same where the address is the permission: the rest of it cannot be guessed."""
    return await _found(call.services.store, call.param("app"), "see", leaving=False)


async def named(
    store: Store, actor: Actor, wanted: str, verb: str, *, leaving: bool = False
) -> Unit:
    """Raises NotFound, also of what the actor may not know of; Forbidden."""
    try:
        unit = await _found(store, wanted, verb, leaving=leaving)
    except Unreadable:
        access.hide_unread(actor, verb, wanted, lookup.owners(await store.damaged()))
        raise
    if not access.sees(actor, unit):
        raise access.no_such_app(verb, wanted)
    access.admit(actor, verb, unit)
    return unit


async def _found(store: Store, wanted: str, verb: str, *, leaving: bool) -> Unit:
    by_id = UUID_RE.fullmatch(wanted) is not None
    unit = await (store.unit(AppId(wanted)) if by_id else store.unit_named(wanted))
    if unit is None or (unit.intent.deleted and not leaving):
        raise access.no_such_app(verb, wanted)
    return unit


async def build(call: Call, unit: Unit) -> Build:
    wanted = BuildId(call.param("build"))
    found = next((b for b in await call.services.store.builds(unit.id) if b.id == wanted), None)
    if found is None:
        raise NotFound(f"cannot find build '{shortened(wanted)}': {unit.name} has none of that id")
    return found


async def release(call: Call, unit: Unit) -> Release:
    """By version (7 or v7) or by id."""
    wanted = call.param("release")
    rows = await call.services.store.releases(unit.id)
    for row in rows:
        if wanted in (str(row.version), row.label, release_id(unit, row.version)):
            return row
    raise NotFound(
        f"cannot find release '{shortened(wanted)}': {unit.name} keeps {len(rows)} releases"
    )
