"""What people are told at the doors of a simulated world: no secret is in it."""

from collections.abc import AsyncIterator
from typing import cast

import msgspec

from setpoint.model.app import Source
from setpoint.planning import explain
from setpoint.store.port import Store
from setpoint.testing import papers
from setpoint.testing.builders import ANA
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.wishes import PLAINTEXT
from setpoint.testing.world import World
from setpoint.views import plans, why
from setpoint.views.plans import Edits


async def violations(world: World) -> list[str]:
    """Of a world at rest: each app's story in sentences, and the plan of a deploy of it."""
    found: list[str] = []
    for unit in list(world.store.rows.units.values()):
        async for what, told in _told(world, unit.name):
            if any(secret in told for secret in (PLAINTEXT, *papers.keys())):
                found.append(f"a secret is in the {what} of {unit.name}")
    return found


async def _told(world: World, name: str) -> AsyncIterator[tuple[str, str]]:
    store = cast("Store", world.store)
    yield "story", "\n".join(explain.why(await why.story(store, ANA, name)))
    edits = Edits(source=Source(PROGRAMS[0].digest), config_set=("GREETING",))
    offers = world.supervisor.capabilities
    draft = await plans.draft(store, ANA, name, edits, offers, world.now_s)
    yield "plan", msgspec.json.encode(draft).decode()
