"""Somebody has heard what changed, up to here. It alters no intent, so it is no Change."""

from setpoint.intents.door import Door
from setpoint.model.change import Asked
from setpoint.model.digest import ReadUpTo
from setpoint.model.errors import Invalid
from setpoint.policy import access


def person(asked: Asked) -> str:
    """Whoever asks; or who an administrator acts for: of others that is their own word."""
    if asked.actor.reach != "all":
        return asked.actor.email
    return asked.on_behalf_of or asked.actor.email or asked.actor.name


async def read(door: Door, asked: Asked, change: int, at_s: float) -> ReadUpTo:
    """Their own cursor, as of a digest; it never goes back. Raises Invalid for a Change, or a time,
    that has not come yet."""
    access.authorise(asked.actor, "see", "the changes")
    newest = await door.store.changes(None, 1)
    if change > (newest[0].change.seq if newest else 0):
        raise Invalid(f"cannot have read up to c{change}: there is no such Change yet")
    if not at_s <= asked.at_s:
        raise Invalid("cannot have read up to then: that time has not come yet")
    return await door.store.have_read(person(asked), change, at_s)
