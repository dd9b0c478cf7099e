"""The real supervisor on a simulated machine: how soon what crashes is started again."""

import asyncio
import random

from msgspec.structs import replace

from setpoint.model.ids import InstanceId
from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

TWO = builders.order(Bounds(2, 2), code=PROGRAMS[0].digest)


def test_one_of_two_that_crashes_again_and_again_is_given_a_rest():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(TWO, {})
        await asyncio.sleep(100.0)
        began: list[InstanceId] = []
        start = machine.start

        def broken(id: InstanceId, *how) -> None:
            began.append(id)
            start(id, *how)
            loop.call_later(0.5, machine.end, id, 1)

        machine.start = broken
        machine.end(machine.running[0], 1)
        await asyncio.sleep(600.0)
        assert 4 <= len(began) <= 12
        assert supervisor.slots[TWO.key].ready == 1

    run(story(), random.Random(1))


def test_so_is_one_that_cannot_even_be_started():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(replace(TWO, level_min="L3"), {})
        await asyncio.sleep(100.0)
        supervisor.capabilities = replace(supervisor.capabilities, level="L2")
        machine.end(machine.running[0], 1)
        await asyncio.sleep(600.0)
        starts = [a for a in supervisor.act_log if a.verb == "start"]
        assert len(starts) <= 14
        assert len(machine.running) == 1

    run(story(), random.Random(1))
