"""Somebody knows more of a Change, now. It alters no intent, so it is no Change itself."""

from collections.abc import Sequence

import msgspec

from setpoint.intents.door import Door
from setpoint.model.change import Actor, Asked, Note, UnitChange
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.ids import AppId
from setpoint.policy import access, words

VERB = "note"


async def note(door: Door, asked: Asked, change: int, text: str) -> Note:
    """Added to what was said before; nothing is ever taken back. Raises Refused."""
    access.authorise(asked.actor, VERB, f"c{change}")
    made = await door.store.change(change)
    if not made or not await _seen(door, asked.actor, made):
        raise NotFound(f"cannot note anything of c{change}: there is no such Change")
    said = msgspec.structs.replace(asked, why=text, why_source="flag")
    said = words.accepted(said, await _unsayable(door, {AppId(c.unit) for c in made}))
    if not said.why:
        raise Invalid(f"cannot note anything of c{change}: there are no words", "say it with -m")
    return await door.store.note(change, said)


async def _seen(door: Door, actor: Actor, made: Sequence[UnitChange]) -> bool:
    """Of accounts and tokens, and of what is gone, administrators alone know. Raises Forbidden
    where the actor knows of an app and may no more than look at it."""
    if actor.reach == "all":
        return True
    units = [await door.store.unit(AppId(c.unit)) for c in made]
    known = [unit for unit in units if unit is not None and access.sees(actor, unit)]
    for unit in known:
        access.admit(actor, VERB, unit)
    return bool(known)


async def _unsayable(door: Door, apps: set[AppId]) -> tuple[str, ...]:
    """Config values of every app it touched, as they are now."""
    values: list[str] = []
    for id in apps:
        unit = await door.store.unit(id)
        if unit is not None:
            values += (await door.store.reveal(unit.intent.config)).values()
    return tuple(values)
