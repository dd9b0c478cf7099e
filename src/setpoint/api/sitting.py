"""Somebody sits down at a job's terminal, through whichever door."""

import asyncio

import msgspec

from setpoint.api.services import Services
from setpoint.drivers.ports import Attachment
from setpoint.formats.terminal import Place
from setpoint.model.errors import DriverError, Transient
from setpoint.model.job import Job

LOOK_AGAIN_S = 0.05
START_S_MAX = 30.0
"""How long a job may take to be handed over while somebody waits at its terminal."""
ENDING_S_MAX = 1.0
"""How long the loop may take to write down an end that the supervisor knows of."""


class Ended(msgspec.Struct, frozen=True):
    """`code` None: nobody knows, or it never ran."""

    code: int | None
    message: str


async def sit_down(services: Services, job: Job, place: Place) -> Attachment | Ended:
    """It may not be handed over yet. Raises Transient where that takes too long."""
    for _ in range(int(START_S_MAX / LOOK_AGAIN_S)):
        try:
            return await services.terminals.attach(job.app, job.id, place)
        except Transient:
            now = await _row(services, job)
            if now.final:
                return _end(now)
            await asyncio.sleep(LOOK_AGAIN_S)
        except DriverError as error:
            now = await _at_its_end(services, job)
            return _end(now) if now.final else Ended(None, error.message)
    raise Transient("cannot attach: the job has not begun")


async def _at_its_end(services: Services, job: Job) -> Job:
    for _ in range(int(ENDING_S_MAX / LOOK_AGAIN_S)):
        job = await _row(services, job)
        if job.final:
            break
        await asyncio.sleep(LOOK_AGAIN_S)
    return job


async def _row(services: Services, job: Job) -> Job:
    rows = await services.store.jobs(job.app)
    return next((row for row in rows if row.id == job.id), job)


def _end(job: Job) -> Ended:
    return Ended(job.code, job.message or f"{job.dyno} has ended")
