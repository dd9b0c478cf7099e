"""An app begins, is called otherwise or closed for a while, and is asked to cease."""

import msgspec

from setpoint.intents import secrets, wishes
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Conflict, Invalid
from setpoint.model.ids import AppId
from setpoint.model.pipeline import Coupling
from setpoint.policy import access, names

RENAME, MAINTAIN = "rename", "switch maintenance of"

SUGGESTIONS_MAX = 5
"""Names tried for an app that was given none: there are 30 million of them."""


async def create(
    door: Door,
    asked: Asked,
    name: str | None,
    coupling: Coupling | None = None,
    *,
    region: str = "",
) -> Unit:
    """With an invoke key of its own from the start, so that its functions are never open.
    `coupling`: the pipeline it begins in, to which somebody else has admitted it."""
    access.authorise(asked.actor, "create", name or "an app")
    if name is not None:
        names.check_app(name)
        return await _create(door, asked, name, coupling, region)
    for _ in range(SUGGESTIONS_MAX - 1):
        try:
            return await _create(door, asked, names.suggest(door.new_token()), coupling, region)
        except Conflict:
            continue
    return await _create(door, asked, names.suggest(door.new_token()), coupling, region)


async def _create(
    door: Door, asked: Asked, name: str, coupling: Coupling | None, region: str
) -> Unit:
    invoke_key = secrets.next_ref(door, None)
    id = AppId(door.new_id())
    intent = AppIntent(id, name, invoke_key=invoke_key, pipeline=coupling, region=region)
    sealed = {invoke_key.key: door.new_token()}
    return await change(door, asked, "create", f"Create {name}", None, intent, sealed)


async def update(
    door: Door,
    asked: Asked,
    name: str,
    *,
    new_name: str | None = None,
    maintenance: bool | None = None,
    region: str | None = None,
) -> Unit:
    """What is None stays; what is so already is no Change. Nothing that runs is replaced: only the
    route differs, in its hosts or in how they answer."""
    verb = RENAME if new_name is not None else MAINTAIN
    unit = await app_to(door, asked, verb, name)
    intent, told = unit.intent, list[str]()
    if new_name is not None and new_name != unit.name:
        names.check_app(new_name, f"cannot rename '{unit.name}' to '{names.shortened(new_name)}'")
        intent = msgspec.structs.replace(intent, name=new_name)
        told.append(f"Rename {unit.name} to {new_name}")
    if maintenance is not None and maintenance != intent.maintenance:
        intent = msgspec.structs.replace(intent, maintenance=maintenance)
        told.append(f"Maintenance {'on' if maintenance else 'off'}")
    if region is not None and region != intent.region:
        intent = msgspec.structs.replace(intent, region=region)
        told.append(wishes.region_summary(region))
    if not told:
        return unit
    return await change(door, asked, verb, ", ".join(told), unit, intent)


async def destroy(door: Door, asked: Asked, name: str, confirm: str) -> Unit:
    """Accepted at once; the loop takes it out of the world and then forgets it."""
    unit = await app_to(door, asked, "destroy", name)
    if confirm != name:
        raise Invalid(
            f"cannot destroy '{name}': '{names.shortened(confirm)}' is not its name",
            f"repeat with --confirm {name}",
        )
    upkeep = unit.intent.upkeep_at(asked.at_s)
    if upkeep is not None and upkeep.mode == "freeze":
        raise Conflict(f"cannot destroy '{name}': it is frozen", f"first: setpoint unfreeze {name}")
    intent = msgspec.structs.replace(unit.intent, deleted=True)
    return await change(door, asked, "destroy", f"Destroy {name}", unit, intent)
