"""How far an app has come that was begun from its app.json."""

from typing import Literal, NamedTuple

from setpoint.model.app import Unit
from setpoint.model.condition import ConditionType, find
from setpoint.model.job import Job
from setpoint.planning import scripts
from setpoint.store.port import Store

JOBS_READ = 200


class Far(NamedTuple):
    """`message`: why it failed. `script`: its postdeploy, once there is a row of it."""

    status: Literal["pending", "succeeded", "failed"]
    message: str = ""
    script: Job | None = None


async def far(store: Store, unit: Unit) -> Far:
    """The first release that served is as far as it goes; the script comes right after."""
    rows = await store.releases(unit.id)
    setup = unit.intent.setup
    if not any(row.status == "succeeded" for row in rows):
        message = await _stalled(store, unit)
        return Far("failed", message) if message else Far("pending")
    if setup is None or not setup.postdeploy:
        return Far("succeeded")
    wanted = scripts.job_id(unit.id, scripts.POSTDEPLOY)
    jobs = await store.jobs(unit.id, JOBS_READ)
    job = next((row for row in jobs if row.id == wanted), None)
    if job is None or not job.final:
        return Far("pending", script=job)
    if job.state == "succeeded":
        return Far("succeeded", script=job)
    return Far("failed", f"its postdeploy script {job.message}", job)


async def _stalled(store: Store, unit: Unit) -> str:
    status = await store.status(unit.id)
    if status is None or status.observed_generation < unit.generation:
        return ""
    found = find(status.conditions, ConditionType.STALLED)
    return found.message if found is not None and found.status else ""
