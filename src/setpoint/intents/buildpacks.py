"""Which buildpacks the next build runs, and what builds keep for one another."""

from collections.abc import Sequence

import msgspec

from setpoint.formats import buildpack
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound

VERB = "set the buildpacks of"
PURGE = "purge the build cache of"


async def set_buildpacks(door: Door, asked: Asked, name: str, wanted: Sequence[str]) -> Unit:
    """All of them, in order; none: the builder sees for itself. As they are already: no Change."""
    unit = await app_to(door, asked, VERB, name)
    check(name, wanted)
    await hold(door, name, wanted, asked.at_s)
    if tuple(wanted) == unit.intent.buildpacks:
        return unit
    intent = msgspec.structs.replace(unit.intent, buildpacks=tuple(wanted))
    return await change(door, asked, VERB, summary(wanted), unit, intent)


def check(name: str, wanted: Sequence[str]) -> None:
    """Raises Invalid."""
    if len(wanted) > buildpack.PACKS_MAX:
        raise Invalid(f"cannot {VERB} '{name}': at most {buildpack.PACKS_MAX} may be set")
    for text in wanted:
        buildpack.parse(text)


async def hold(door: Door, name: str, wanted: Sequence[str], now_s: float) -> None:
    """What was uploaded is there, and stays until an app names it. Raises NotFound."""
    for pack in map(buildpack.parse, wanted):
        if pack.digest is not None and not await door.store.hold_source(pack.digest, now_s):
            raise NotFound(
                f"cannot {VERB} '{name}': {pack.name} was not uploaded",
                f"send it with: setpoint buildpacks {name} --set DIR",
            )


def summary(wanted: Sequence[str]) -> str:
    names = ", ".join(buildpack.parse(text).name for text in wanted)
    return f"Set buildpacks to {names}" if names else "Clear buildpacks"


async def purge_cache(door: Door, asked: Asked, name: str) -> Unit:
    """The next build begins without what earlier ones kept."""
    unit = await app_to(door, asked, PURGE, name)
    intent = msgspec.structs.replace(unit.intent, cache_since_s=asked.at_s)
    return await change(door, asked, PURGE, "Purge the build cache", unit, intent)
