"""What a release's own command said, as a stream that ends with it."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.responses import Response

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.services import Services
from setpoint.api.streamed import Streamed
from setpoint.formats.heroku.write import release_id
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.model.job import Job
from setpoint.model.log import LogFilter
from setpoint.model.release import Release
from setpoint.planning.release_phase import PROCESS, job_id

LOOK_AGAIN_S = 0.25
LINES_MAX = 10_000
JOBS_LOOKED_AT = 200


async def output(call: Call) -> Response:
    """No token: the id is derived from unguessable ones, and Heroku's clients send none here. So a
    version, which anybody can guess, does not do."""
    unit = await find.app_of_capability(call)
    release = await find.release(call, unit)
    if call.param("release") != release_id(unit, release.version):
        raise NotFound("cannot show that output: it takes the id of a release")
    if release.slug.process(PROCESS) is None:
        raise NotFound(f"cannot show the output of {release.label}: it has no release phase")
    return Streamed(said(call.services, unit, release), media_type="text/plain; charset=utf-8")


async def said(services: Services, unit: Unit, release: Release) -> AsyncGenerator[bytes, None]:
    """Of old ones, what the app's log still has."""
    shown, over = 0, False
    while not over:
        over, job = await _state(services, unit, release)
        lines = await _lines(services, unit, job) if job is not None else []
        for text in lines[shown:]:
            yield f"{text}\n".encode()
        shown = max(shown, len(lines))
        if not over:
            await asyncio.sleep(LOOK_AGAIN_S)


async def _state(services: Services, unit: Unit, release: Release) -> tuple[bool, Job | None]:
    """(is there nothing more to come, its job). A release may end before its phase begins."""
    store = services.store
    row = await store.release(unit.id, release.version)
    jobs = await store.jobs(unit.id, JOBS_LOOKED_AT)
    job = next((j for j in jobs if j.id == job_id(release)), None)
    ended = job.final if job is not None else row is None or row.status != "pending"
    return ended, job


async def _lines(services: Services, unit: Unit, job: Job) -> list[str]:
    only = LogFilter("app", job.dyno, job.asked_at_s)
    tails = services.tails
    return [line.text async for line in tails.logs(unit.id, LINES_MAX, follow=False, only=only)]
