"""The real supervisor on a simulated machine: jobs that it is to end."""

import asyncio
import random

import pytest
from msgspec.structs import replace

from setpoint.model.errors import Transient
from setpoint.model.ids import JobId
from setpoint.model.job import JobOrder
from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
AT_ONCE = JobOrder(JobId("a" * 32), ORDER.key.app, "shop", "run.1001", ORDER.spec, 0.0)


def test_one_that_was_to_be_killed_before_anybody_knew_who_it_is_does_not_run_on():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        supervisor.job_fate = lambda _: (None, 0)
        await supervisor.exec(AT_ONCE, {})
        supervisor.crash()
        assert machine.running
        supervisor.restart()
        await asyncio.sleep(1.0)
        assert not machine.running
        exit = supervisor.ledger[AT_ONCE.id].exit
        assert exit is not None
        assert exit.timed_out

    run(story(), random.Random(1))


def test_one_is_not_begun_below_its_level_and_not_used_up_by_that():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        walled = replace(AT_ONCE, run_s_max=60.0, level_min="L3")
        supervisor.capabilities = replace(supervisor.capabilities, level="L2")
        with pytest.raises(Transient):
            await supervisor.exec(walled, {})
        assert (machine.running, supervisor.ledger) == ([], {})
        supervisor.capabilities = replace(supervisor.capabilities, level="L3")
        await supervisor.exec(walled, {})
        assert machine.running

    run(story(), random.Random(1))
