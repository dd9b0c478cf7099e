"""The real supervisor on a simulated machine: jobs that it is to end."""

import asyncio
import random

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
