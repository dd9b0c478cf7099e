"""Releases with what Heroku's API has no field for: the why, and what differs."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.views import releases
from setpoint.views.releases import ReleaseLine

LIMIT_DEFAULT = 15
"""As Heroku's command line shows."""


class Releases(msgspec.Struct, frozen=True):
    """Newest first. `at_s`: unix seconds of this answer, for ages."""

    at_s: float
    releases: tuple[ReleaseLine, ...]


async def listed(call: Call) -> Releases:
    unit = await find.app(call)
    limit = call.count("limit", LIMIT_DEFAULT, releases.LIMIT_MAX)
    found = await releases.releases(call.services.store, call.asked.actor, unit.name, limit)
    return Releases(call.asked.at_s, found)


async def info(call: Call) -> releases.ReleaseDetail:
    unit, version = await find.app(call), call.param("release")
    return await releases.release(call.services.store, call.asked.actor, unit.name, version)
