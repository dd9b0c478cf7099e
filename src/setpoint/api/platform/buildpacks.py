"""Buildpack installations, as Heroku has them, and the build cache."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.formats import buildpack
from setpoint.formats.heroku import read, shapes
from setpoint.intents import buildpacks
from setpoint.model.app import Unit
from setpoint.model.errors import Conflict


async def listed(call: Call) -> tuple[shapes.BuildpackInstallation, ...]:
    return _told(await find.app(call))


async def put(call: Call, body: read.BuildpackBatch) -> tuple[shapes.BuildpackInstallation, ...]:
    """The whole list at once. Of an upload the address that POST /sources gave will do."""
    unit = await find.app(call, buildpacks.VERB)
    wanted = tuple(_named(call, update) for update in body.updates)
    door, asked = call.services.door, call.asked
    return _told(await buildpacks.set_buildpacks(door, asked, unit.name, wanted))


async def purge_cache(call: Call) -> shapes.Nothing:
    unit = await find.app(call, buildpacks.PURGE)
    await buildpacks.purge_cache(call.services.door, call.asked, unit.name)
    return shapes.Nothing()


def _named(call: Call, update: read.BuildpackUpdate) -> str:
    before, found, place = update.buildpack.partition("/sources/")
    if not found or before != call.base_url:
        return update.buildpack
    digest = call.services.uploads.digest(place)
    if digest is None:
        raise Conflict(f"cannot {buildpacks.VERB} the app: nothing was uploaded to that source yet")
    return buildpack.named(update.name or "", digest)


def _told(unit: Unit) -> tuple[shapes.BuildpackInstallation, ...]:
    return tuple(
        shapes.BuildpackInstallation(ordinal, shapes.BuildpackRef(_name(text), text))
        for ordinal, text in enumerate(unit.intent.buildpacks)
    )


def _name(text: str) -> str:
    """An address is its own name, as on Heroku: Terraform compares it with what it wrote."""
    pack = buildpack.parse(text)
    return pack.url or pack.name
