"""Everything of an app afresh, or all of one process type, on the same release."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound
from setpoint.policy.names import shortened

VERB = "restart"


async def restart(door: Door, asked: Asked, name: str, process: str | None = None) -> Unit:
    """The time is part of every instance's specification, so a new one means a replacement."""
    unit = await app_to(door, asked, VERB, name)
    if process is None:
        intent = msgspec.structs.replace(unit.intent, restarted_at_s=asked.at_s)
        return await change(door, asked, VERB, f"Restart {name}", unit, intent)
    await _check(door, unit, process)
    restarted = unit.intent.restarted | {process: asked.at_s}
    intent = msgspec.structs.replace(unit.intent, restarted=restarted)
    return await change(door, asked, VERB, f"Restart {process}", unit, intent)


async def _check(door: Door, unit: Unit, process: str) -> None:
    """Only what a release can run: of the one that serves and of one on its way."""
    rows = await door.store.releases(unit.id, 10)
    live = [r for r in rows if r.status in ("pending", "succeeded")][:2]
    kinds = {p.name: p.kind for r in live for p in r.slug.processes}
    if process not in kinds:
        known = ", ".join(n for n, kind in kinds.items() if kind != "release")
        raise NotFound(
            f"cannot restart '{unit.name}': it has no process '{shortened(process)}'",
            f"processes: {known}" if known else f"deploy first: setpoint deploy -a {unit.name}",
        )
    if kinds[process] == "release":
        raise Invalid(f"cannot restart '{unit.name}': '{process}' runs once per release")
