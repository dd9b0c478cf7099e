"""Where an app ends depends on what is intended, and not on how people came to intend it."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.app import Unit
from setpoint.model.pipeline import Pipeline, PipelineWrite
from setpoint.store.port import UnitWrite
from setpoint.testing import builders
from setpoint.testing.faults import Faults, Rates
from setpoint.testing.histories import People
from setpoint.testing.loop import run
from setpoint.testing.mishaps import Chaos
from setpoint.testing.shape import AppShape, shape_of
from setpoint.testing.simulate import calm_down, live_through
from setpoint.testing.world import World

RATES = Rates(refused=0.02, lost=0.02, late=0.04, stale=0.3, deaf=0.5)
Ends = list[tuple[Unit, AppShape, dict[str, str]]]


async def ends_of(seed: int) -> Ends:
    """What apps came to after a long history full of faults, with their secrets."""
    luck = random.Random(seed)
    world = World(random.Random(luck.random()), Faults(random.Random(luck.random()), RATES, None))
    people = People(world, random.Random(luck.random()))
    chaos = Chaos(world, random.Random(luck.random()))
    async with world:
        await live_through(world, people, chaos, luck)
        world.stop_faults()
        chaos.stop()
        await people.thaw()
        await calm_down(world)
        found = [(u, shape_of(world, u)) for u in world.store.rows.units.values()]
        return [(u, shape, dict(world.store.secrets)) for u, shape in found if shape is not None]


async def told_at_once(
    unit: Unit, secrets: dict[str, str], rates: Rates = Rates()
) -> AppShape | None:
    """The same intent as the first and only word to a fresh world."""
    world = World(random.Random(1), Faults(random.Random(1), rates))
    async with world:
        document = msgspec.structs.replace(unit.intent, rollback_to=None)
        asked, write = builders.asked(world.now_s), UnitWrite(document, None)
        line = _pipeline_of(unit)
        await world.store.commit(asked, "app.create", "C", [write], secrets, pipeline=line)
        if not rates.deaf:
            world.wake(unit.id)
        await calm_down(world)
        return shape_of(world, world.store.rows.units[unit.id])


def _pipeline_of(unit: Unit) -> PipelineWrite | None:
    """What it is in is there before it."""
    coupling = unit.intent.pipeline
    if coupling is None:
        return None
    return PipelineWrite(Pipeline(coupling.id, "line", "dev@example.com", 0.0, 0.0))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(min_value=20_000, max_value=10_000_000))
def test_any_path_to_an_intent_ends_as_the_intent_alone_does(seed: int):
    for unit, shape, secrets in run(ends_of(seed), random.Random(seed)):
        assert run(told_at_once(unit, secrets), random.Random(2)) == shape


def test_there_is_something_to_compare():
    compared = [e for seed in range(1, 9) for e in run(ends_of(seed), random.Random(seed))]
    assert len(compared) >= 5


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_wakes_are_only_ever_a_matter_of_time(seed: int):
    """The same intents, every wake of the drivers heard or none."""
    for unit, shape, secrets in run(ends_of(seed), random.Random(seed)):
        deaf = told_at_once(unit, secrets, Rates(deaf=1.0))
        assert run(deaf, random.Random(seed)) == shape
