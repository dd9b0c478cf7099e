"""What came of Changes of one app."""

from collections.abc import Mapping, Sequence

from setpoint.model.app import Unit
from setpoint.model.change import UnitChange
from setpoint.model.release import Release
from setpoint.model.story import Outcome, ReleaseTold
from setpoint.planning.outcomes import outcome
from setpoint.store.port import Store

PAST_READ = 200


async def outcomes(
    store: Store, unit: Unit, changes: Sequence[UnitChange], releases: Sequence[Release]
) -> Mapping[int, Outcome]:
    """By the Changes' seq."""
    past = await store.took(unit.id, PAST_READ)
    status = await store.status(unit.id)
    told = {r.change: told_of(r) for r in releases}

    def of(made: UnitChange) -> Outcome:
        about = status is not None and status.observed_generation == made.generation
        return outcome(
            made,
            past,
            status.conditions if status is not None and about else (),
            told.get(made.change.seq),
            newest=made.change.seq == unit.last_change,
            past_is_whole=len(past) < PAST_READ,
        )

    return {made.change.seq: of(made) for made in changes}


def told_of(release: Release) -> ReleaseTold:
    return ReleaseTold(release.version, release.status, release.message)
