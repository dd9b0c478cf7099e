"""Back to an earlier release: its slug and its config, at once and without a build."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Source, Unit
from setpoint.model.change import Asked
from setpoint.policy import rollbacks

VERB = "roll back"


async def roll_back(door: Door, asked: Asked, name: str, wanted: str = "") -> Unit:
    """`wanted`: 'v3', '3', or '' for the newest that served before what is intended now.

    Nothing is undone: a new release takes over what the old one had. Scale stays as it is.
    """
    unit = await app_to(door, asked, VERB, name)
    target = rollbacks.target(unit, await door.store.releases(unit.id), wanted)
    intent = msgspec.structs.replace(
        unit.intent,
        source=Source(target.source, target.commit),
        config=rollbacks.restored_config(unit.intent.config, target.config),
        rollback_to=target.version,
    )
    summary = f"Rollback to {target.label}"
    return await change(door, asked, VERB, summary, unit, intent, restated=("rollback_to",))
