"""What the app.json of an uploaded source says of how an app of it begins."""

import asyncio

from setpoint.api.services import Services
from setpoint.formats import app_json, app_setup
from setpoint.intents.setups import Begins
from setpoint.model.app import Unit
from setpoint.model.ids import Digest
from setpoint.model.pipeline import REVIEW


async def said(services: Services, digest: Digest, environment: str = "") -> app_setup.AppSetup:
    """Nothing where there is no such file. Raises Invalid."""
    data = await asyncio.to_thread(
        services.uploads.member, digest, app_json.FILE, app_json.BYTES_MAX
    )
    return app_setup.parse(data, environment) if data is not None else app_setup.AppSetup()


async def of(services: Services, unit: Unit, digest: Digest) -> Begins | None:
    """None once it was released: from then on people say what it has. Raises Invalid."""
    if await services.store.releases(unit.id, 1):
        return None
    coupling = unit.intent.pipeline
    of_a_branch = coupling is not None and coupling.stage == REVIEW
    return Begins(await said(services, digest, REVIEW if of_a_branch else ""))
