"""When things were so, beside when they were predicted to be: are we any good at it?"""

import msgspec

from setpoint.model.answer import Logged
from setpoint.model.change import Actor
from setpoint.model.history import Calibration
from setpoint.planning.outcomes import calibration
from setpoint.store.port import Store
from setpoint.views.changes import changes


class Timeline(msgspec.Struct, frozen=True):
    """`changes`: newest first. `calibration`: over those. `within_p90`: its share, None where
    nothing was predicted yet."""

    changes: tuple[Logged, ...]
    calibration: Calibration
    within_p90: float | None


async def timeline(store: Store, actor: Actor, name: str, limit: int) -> Timeline:
    made = await changes(store, actor, name, limit)
    found = calibration(c.outcome for c in made if c.outcome is not None)
    return Timeline(made, found, found.share)
