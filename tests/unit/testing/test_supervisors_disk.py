"""The real supervisor on a simulated machine whose disk is full."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from setpoint.model.errors import Transient
from setpoint.model.process import SIGKILL, Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
MORE = builders.order(Bounds(2, 2), code=PROGRAMS[0].digest)
Story = Callable[[Machine, SimSupervisor], Awaitable[None]]


def play(story: Story) -> None:
    """With one instance that is ready, and from then on a full disk."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(ORDER, {})
        await asyncio.sleep(10.0)
        assert supervisor.slots[ORDER.key].ready == 1
        supervisor.fill_disk(full=True)
        await story(machine, supervisor)

    run(main(), random.Random(1))


def test_an_order_that_cannot_be_written_down_is_not_told_as_taken_in():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        with pytest.raises(Transient, match="No space left"):
            await supervisor.apply(MORE, {})
        assert supervisor.slots[ORDER.key].facts.bounds == ORDER.bounds
        supervisor.fill_disk(full=False)
        await supervisor.apply(MORE, {})
        await asyncio.sleep(10.0)
        assert supervisor.slots[ORDER.key].ready == 2

    play(story)


def test_nor_is_its_end():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        with pytest.raises(Transient, match="No space left"):
            await supervisor.remove(MORE.key, MORE.fence)
        assert not supervisor.slots[ORDER.key].retiring
        supervisor.fill_disk(full=False)
        await supervisor.remove(MORE.key, MORE.fence)
        await asyncio.sleep(60.0)
        assert ORDER.key not in supervisor.slots

    play(story)


def test_what_ends_is_replaced_once_there_is_room_though_its_end_could_not_be_written_down():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        (before,) = machine.running
        machine.end(before, 128 + SIGKILL)
        await asyncio.sleep(1.0)
        supervisor.fill_disk(full=False)
        await asyncio.sleep(60.0)
        assert supervisor.slots[ORDER.key].ready == 1
        assert machine.running != [before]

    play(story)


def test_a_new_supervisor_takes_over_what_runs():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        before = machine.running
        supervisor.crash()
        supervisor.restart()
        await asyncio.sleep(10.0)
        assert machine.running == before
        assert supervisor.slots[ORDER.key].ready == 1

    play(story)
