"""The real supervisor on a simulated machine whose clock somebody sets."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from setpoint.model.ids import JobId
from setpoint.model.job import JobOrder
from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
HOUR_S = 3600.0
JOB = JobOrder(JobId("a" * 32), ORDER.key.app, "shop", "run.1001", ORDER.spec, HOUR_S)
Story = Callable[[Machine, SimSupervisor], Awaitable[None]]

pytestmark = pytest.mark.parametrize("by_s", [10 * HOUR_S, -10 * HOUR_S], ids=["ahead", "back"])


def play(story: Story) -> None:
    async def main() -> None:
        machine = Machine(asyncio.get_running_loop())
        supervisor = SimSupervisor(asyncio.get_running_loop(), machine)
        supervisor.job_fate = lambda order: (None, 0)
        await story(machine, supervisor)

    run(main(), random.Random(1))


async def has_an_hour(machine: Machine, supervisor: SimSupervisor, since_s: float) -> None:
    """From then on, and not a second more or less."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(since_s + HOUR_S - 1.0 - loop.time())
    assert machine.running
    await asyncio.sleep(2.0)
    assert not machine.running
    assert supervisor.ledger[JOB.id].exit.timed_out


def test_a_job_has_the_time_it_was_given_though_the_clock_jumps(by_s: float) -> None:
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        since_s = asyncio.get_running_loop().time()
        await supervisor.exec(JOB, {})
        await asyncio.sleep(60.0)
        machine.clock_ahead_s = by_s
        await supervisor.apply(ORDER, {})  # whoever notices first
        await asyncio.sleep(60.0)
        await supervisor.remove(ORDER.key, ORDER.fence)
        await has_an_hour(machine, supervisor, since_s)

    play(story)


def test_one_that_is_started_right_after_it_has_as_much(by_s: float) -> None:
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        machine.clock_ahead_s = by_s
        await supervisor.exec(JOB, {})
        await has_an_hour(machine, supervisor, asyncio.get_running_loop().time())

    play(story)


@pytest.mark.parametrize("wiped", [False, True])
def test_and_one_that_a_supervisor_takes_over_after_it(by_s: float, *, wiped: bool) -> None:
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        since_s = asyncio.get_running_loop().time()
        await supervisor.exec(JOB, {})
        await asyncio.sleep(60.0)
        supervisor.crash()
        machine.clock_ahead_s = by_s
        if wiped:
            supervisor.wipe()
        supervisor.restart()
        await has_an_hour(machine, supervisor, since_s)

    play(story)


def test_what_was_told_to_end_has_its_grace_and_no_more(by_s: float) -> None:
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        await supervisor.apply(ORDER, {})
        await asyncio.sleep(60.0)
        (proc,) = machine.procs.values()
        proc.stop_s = HOUR_S
        await supervisor.remove(ORDER.key, ORDER.fence)
        await asyncio.sleep(15.0)
        supervisor.crash()
        machine.clock_ahead_s = by_s
        supervisor.restart()
        await asyncio.sleep(5.0)
        assert machine.running
        await asyncio.sleep(60.0)
        assert not machine.running

    play(story)


def test_what_crashed_is_started_again_though_its_supervisor_read_another_time(by_s: float) -> None:
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        await supervisor.apply(replace(ORDER, attempts_max=0), {})
        for _ in range(4):
            await asyncio.sleep(20.0)
            machine.end(machine.running[0], 1)
        await asyncio.sleep(0.01)
        supervisor.crash()
        machine.clock_ahead_s = by_s
        supervisor.restart()
        await asyncio.sleep(60.0)
        assert machine.running

    play(story)
