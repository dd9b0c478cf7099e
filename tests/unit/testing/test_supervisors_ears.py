"""A function says once that it is ready, to whichever supervisor listens."""

import asyncio
import itertools
import random

import pytest
from msgspec.structs import replace

from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(
    Bounds(0, 2, boot_s_max=20.0), process="greet", kind="function", code=PROGRAMS[0].digest
)


@pytest.mark.parametrize("point", range(4))
def test_it_is_heard_wherever_the_supervisor_dies_as_it_hears_it(point: int):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(ORDER, {})
        points = itertools.count()

        def strikes() -> bool:
            return any(p.ready for p in machine.procs.values()) and next(points) == point

        supervisor.strikes = strikes
        await asyncio.sleep(10.0)
        assert not supervisor.up
        supervisor.restart()
        await asyncio.sleep(60.0)
        slot = supervisor.slots[ORDER.key]
        assert (slot.ready, slot.gave_up) == (1, False)
        assert len([a for a in supervisor.act_log if a.verb == "start"]) == 1

    run(main(), random.Random(1))


def test_what_it_said_and_was_heard_is_not_said_again():
    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(replace(ORDER, attempts_max=0), {})
        await asyncio.sleep(10.0)
        (proc,) = machine.procs.values()
        assert proc.heard

    run(main(), random.Random(1))
