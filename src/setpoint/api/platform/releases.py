"""Releases: what ran, what runs, and back to one of them."""

import asyncio

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import Gone, Unsupported
from setpoint.api.platform import unsupported
from setpoint.formats.heroku import read, shapes, write
from setpoint.intents import rollbacks
from setpoint.model.app import Unit
from setpoint.model.release import Release
from setpoint.views import releases, secrets

LOOK_AGAIN_S = 0.02
CUT_S_MAX = 2.0
"""How long a rollback waits for the loop to cut its release, which takes some milliseconds."""


async def listed(call: Call) -> tuple[shapes.Release, ...]:
    """Oldest first; clients that want the newest ask for `order=desc`. There is always one, as on
    Heroku: its command line reads the version of the newest after each change of config."""
    unit = await find.app(call)
    return (await _told(call, unit))[::-1] or (write.initial(unit),)


async def newest(call: Call, unit: Unit) -> shapes.Release | None:
    return next(iter(await _told(call, unit)), None)


async def info(call: Call) -> shapes.Release:
    unit = await find.app(call)
    initial = write.initial(unit)
    asked_for_initial = call.param("release") in (initial.id, "0", "v0")
    if asked_for_initial and not await call.services.store.releases(unit.id, 1):
        return initial
    wanted = await find.release(call, unit)
    return next(r for r in await _told(call, unit) if r.version == wanted.version)


async def config(call: Call) -> dict[str, str]:
    """As it was when the release was cut."""
    unit = await find.app(call, "read the config vars of")
    wanted = await find.release(call, unit)
    if not wanted.slug_kept:
        raise Gone(
            f"cannot read the config vars of '{unit.name}': {wanted.label} is kept no longer"
        )
    return await secrets.release_config(call.services.store, call.asked.actor, unit.name, wanted)


async def roll_back(call: Call, body: read.NewRelease) -> shapes.Release:
    """Answers the new release: its row, or what will be its row should the loop be slow."""
    unit = await find.app(call, rollbacks.VERB)
    if body.slug or body.oci_image:
        raise Unsupported(
            f"cannot release a slug of '{unit.name}' by hand: a release is what was deployed, "
            "promoted or rolled back to",
            f"deploy a source, or: heroku rollback -a {unit.name}",
            unsupported.url(call),
        )
    before = await call.services.store.releases(unit.id)
    wanted = _by_id(unit, before, str(body.release)) if body.release is not None else ""
    unit = await rollbacks.roll_back(call.services.door, call.asked, unit.name, wanted)
    cut = await _cut(call, unit) or _to_be_cut(call, unit, before)
    urls, by = write.Urls(call.base_url), call.asked.actor.email
    return write.released(unit, cut, urls=urls, by=by, current=False)


def _by_id(unit: Unit, rows: tuple[Release, ...], said: str) -> str:
    return next((r.label for r in rows if write.release_id(unit, r.version) == said), said)


async def _cut(call: Call, unit: Unit) -> Release | None:
    waited_s = 0.0
    while waited_s < CUT_S_MAX:
        for row in await call.services.store.releases(unit.id, 5):
            if row.change == unit.shape_change:
                return row
        await asyncio.sleep(LOOK_AGAIN_S)
        waited_s += LOOK_AGAIN_S
    return None


def _to_be_cut(call: Call, unit: Unit, before: tuple[Release, ...]) -> Release:
    """Unless somebody asks for something else meanwhile, the next number is its."""
    copied = next(r for r in before if r.version == unit.intent.rollback_to)
    return msgspec.structs.replace(
        copied,
        version=before[0].version + 1,
        config=unit.intent.config,
        description=unit.shape_summary,
        change=unit.shape_change,
        status="pending",
        message="",
        created_at_s=call.asked.at_s,
    )


async def _told(call: Call, unit: Unit) -> tuple[shapes.Release, ...]:
    """Newest first."""
    store = call.services.store
    rows = await store.releases(unit.id)
    current = releases.current(rows)
    asked = await releases.asked(store, rows)
    by = {seq: who.actor.email for seq, who in asked.items()}
    urls = write.Urls(call.base_url)
    return tuple(
        write.released(
            unit,
            r,
            urls=urls,
            by=by.get(r.change, unit.owner),
            current=r.version == current,
        )
        for r in rows
    )
