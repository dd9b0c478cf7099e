"""Builds: a deploy is one, and its output is a stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from setpoint.api import beginning, find
from setpoint.api.call import Call
from setpoint.api.services import Services
from setpoint.api.streamed import Streamed
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import deploys
from setpoint.model.app import Unit
from setpoint.model.errors import Conflict, Invalid, NotFound
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import Build
from setpoint.planning.builds import build_id

LOOK_AGAIN_S = 0.1
NOT_BEGUN_S_MAX = 30.0
"""How long an output stream waits for the loop to begin the build."""


async def create(call: Call, body: read.NewBuild) -> shapes.Build:
    """Accepted at once, `pending`: the loop builds. The id is known because it is derived."""
    unit = await find.app(call, "deploy")
    digest = uploaded(call, body.source_blob)
    version = body.source_blob.version or ""
    begins = await beginning.of(call.services, unit, digest)
    unit = await deploys.deploy(call.services.door, call.asked, unit.name, digest, version, begins)
    return await _told(call, unit, await _of_intent(call, unit))


async def listed(call: Call) -> tuple[shapes.Build, ...]:
    """Oldest first, with the intended source's build even before it began."""
    unit = await find.app(call)
    return tuple([await _told(call, unit, b) for b in await _ordered(call, unit)])


async def newest(call: Call, unit: Unit) -> shapes.Build | None:
    builds = await _ordered(call, unit)
    return await _told(call, unit, builds[-1]) if builds else None


async def _ordered(call: Call, unit: Unit) -> list[Build]:
    """Nothing was built where a slug was promoted."""
    builds = {b.id: b for b in await call.services.store.builds(unit.id)}
    if _is_built(unit):
        intended = await _of_intent(call, unit)
        builds.setdefault(intended.id, intended)
    own = (b for b in builds.values() if not b.taken_over)
    return sorted(own, key=lambda b: b.started_at_s or call.asked.at_s)


async def info(call: Call) -> shapes.Build:
    unit = await find.app(call)
    return await _told(call, unit, await _found(call, unit))


async def output(call: Call) -> Response:
    """No token: the id is derived from unguessable ones, and Heroku's clients send none here."""
    unit = await find.app_of_capability(call)
    build = await _found(call, unit)
    said = stream(call.services, unit.id, build.id)
    return Streamed(said, media_type="text/plain; charset=utf-8")


async def stream(services: Services, app: AppId, id: BuildId) -> AsyncGenerator[bytes, None]:
    """The output until the build ends. Waits for a build that the loop has yet to begin."""
    waited_s = 0.0
    while not any(b.id == id for b in await services.store.builds(app)):
        if waited_s >= NOT_BEGUN_S_MAX:
            yield b"cannot show the build: it has not begun\n"
            return
        await asyncio.sleep(LOOK_AGAIN_S)
        waited_s += LOOK_AGAIN_S
    async with aclosing(services.tails.build_output(id, follow=True)) as said:
        async for chunk in said:
            yield chunk


def uploaded(call: Call, blob: read.SourceBlob) -> Digest:
    """Raises Invalid, Conflict."""
    if blob.digest is not None:
        return Digest(read.checksum(blob.digest))
    digest = _uploaded(call, blob.url or "")
    if blob.checksum and read.checksum(blob.checksum) != digest:
        raise Conflict(f"cannot deploy: what was uploaded has SHA256:{digest}, not the checksum")
    return digest


def _uploaded(call: Call, url: str) -> Digest:
    """Only what was uploaded here: fetching other URLs is the outbound client's, not a door's."""
    _, found, place = url.partition("/sources/")
    if not found:
        raise Invalid(
            "cannot deploy: source_blob.url is none that POST /sources gave",
            "upload with POST /sources and PUT first, or name an uploaded digest",
        )
    digest = call.services.uploads.digest(place)
    if digest is None:
        raise Conflict("cannot deploy: nothing was uploaded to that source yet")
    return digest


async def _found(call: Call, unit: Unit) -> Build:
    try:
        return await find.build(call, unit)
    except NotFound:
        if _is_built(unit):
            intended = await _of_intent(call, unit)
            if intended.id == call.param("build"):
                return intended
        raise


def _is_built(unit: Unit) -> bool:
    """What was gone back to has its slug already."""
    return unit.intent.source is not None and unit.intent.rollback_to is None


async def _of_intent(call: Call, unit: Unit) -> Build:
    """The build of what is intended now: its row, or what will be its row."""
    source = unit.intent.source
    assert source is not None
    stack = call.services.capabilities().stack
    id = build_id(unit, stack)
    known = next((b for b in await call.services.store.builds(unit.id) if b.id == id), None)
    return known or Build(id, unit.id, source.digest, "pending", stack)


async def _told(call: Call, unit: Unit, build: Build) -> shapes.Build:
    releases = await call.services.store.releases(unit.id)
    source = unit.intent.source
    return write.build(
        unit,
        build,
        urls=write.Urls(call.base_url),
        version=source.version if source is not None and source.digest == build.source else "",
        release=next((r.version for r in releases if r.build == build.id), None),
    )
