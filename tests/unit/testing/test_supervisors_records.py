"""The real supervisor on a simulated machine whose records an outsider removes."""

import asyncio
import random

from msgspec.structs import replace

from setpoint.drivers.local.facts import LOST
from setpoint.model.ids import Fence
from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
AFRESH = replace(builders.order(Bounds(1, 1), code=PROGRAMS[1].digest), fence=Fence(1, 2))


async def serving(for_s: float = 10.0) -> tuple[Machine, SimSupervisor]:
    """One that was given an order so long ago."""
    loop = asyncio.get_running_loop()
    machine = Machine(loop)
    supervisor = SimSupervisor(loop, machine)
    await supervisor.apply(ORDER, {})
    await asyncio.sleep(for_s)
    return machine, supervisor


def test_what_runs_on_in_altered_files_is_replaced_though_no_record_of_it_is_left():
    async def story() -> None:
        machine, supervisor = await serving()
        (before,) = machine.running
        supervisor.disk.laid[ORDER.spec.code] += 1
        supervisor.wipe()
        await supervisor.apply(replace(ORDER, attempts_max=0), {})
        await asyncio.sleep(60.0)
        assert len(machine.running) == 1
        assert before not in machine.running

    run(story(), random.Random(1))


def test_and_nothing_else_is():
    async def story() -> None:
        machine, supervisor = await serving()
        before = machine.running
        supervisor.wipe()
        await supervisor.apply(replace(ORDER, attempts_max=0), {})
        supervisor.disk.on_laid(AFRESH.spec.code)
        await asyncio.sleep(60.0)
        assert machine.running == before

    run(story(), random.Random(1))


def test_a_set_whose_order_was_lost_with_its_fence_can_be_removed_by_the_newest_there_is():
    async def story() -> None:
        machine, supervisor = await serving(0.1)
        supervisor.wipe()
        await supervisor.apply(AFRESH, {})
        (lost,) = (facts for facts in (await supervisor.observe()).sets if facts.key != AFRESH.key)
        assert lost.fence == AFRESH.fence
        await supervisor.remove(lost.key, lost.fence)
        await asyncio.sleep(60.0)
        assert list(supervisor.slots) == [AFRESH.key]
        assert len(machine.running) == 1

    run(story(), random.Random(1))


def test_what_was_adopted_without_an_order_is_told_with_the_fence_that_was_seen_last():
    async def story() -> None:
        _, supervisor = await serving()
        supervisor.wipe()
        (lost,) = (await supervisor.observe()).sets
        assert lost.release == LOST
        assert lost.fence == ORDER.fence
        await supervisor.remove(lost.key, lost.fence)
        await asyncio.sleep(60.0)
        assert not supervisor.slots

    run(story(), random.Random(1))
