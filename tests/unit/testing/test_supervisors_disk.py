"""The real supervisor on a simulated machine whose disk is full."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from errno import EACCES, EAGAIN, EDQUOT, EIO, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, EROFS

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.hindrance import hindrance
from setpoint.drivers.local.seams import Ending
from setpoint.drivers.local.supervise import HINDERED_S
from setpoint.model.errors import Transient
from setpoint.model.ids import JobId
from setpoint.model.job import JobOrder
from setpoint.model.process import SIGKILL, Act, Bounds
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(1, 1), code=PROGRAMS[0].digest)
FUNCTION = builders.order(Bounds(0, 2), code=PROGRAMS[0].digest)
FUNCTION = replace(
    FUNCTION,
    key=replace(FUNCTION.key, process="greet"),
    spec=replace(FUNCTION.spec, process="greet", kind="function"),
)
TRIED = builders.order(Bounds(1, 1), process="tried", code=PROGRAMS[0].digest)
"""on trial"""
MORE = builders.order(Bounds(2, 2), code=PROGRAMS[0].digest)
JOB = JobOrder(JobId("a" * 32), ORDER.key.app, "shop", "run.1001", ORDER.spec, 3600.0)
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


async def told(supervisor: SimSupervisor, told: list[str]) -> None:
    """Whoever watches it."""
    async for app in supervisor.changes():
        told.append(app)


def test_whoever_watches_is_told_of_an_end_that_could_not_be_written_down():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        heard: list[str] = []
        watching = asyncio.create_task(told(supervisor, heard))
        await asyncio.sleep(1.0)
        heard.clear()
        machine.end(machine.running[0], 1)
        await asyncio.sleep(1.0)
        assert heard
        watching.cancel()

    play(story)


def test_what_could_not_be_written_down_is_once_there_is_room():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        machine.end(machine.running[0], 1)
        await asyncio.sleep(1.0)
        crashes = supervisor.slots[ORDER.key].crashes
        supervisor.fill_disk(full=False)
        await asyncio.sleep(1.5)
        assert supervisor.slots[ORDER.key].crashes == crashes > 0
        supervisor.crash()
        supervisor.restart()
        assert supervisor.slots[ORDER.key].crashes == crashes

    play(story)


def test_a_function_gets_its_socket_once_there_is_room():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        supervisor.fill_sockets(full=True)
        await supervisor.apply(FUNCTION, {})
        await asyncio.sleep(10.0)
        assert supervisor.slots[FUNCTION.key].facts.socket is None
        assert not supervisor.slots[FUNCTION.key].instances
        supervisor.fill_sockets(full=False)
        await asyncio.sleep(10.0)
        assert supervisor.slots[FUNCTION.key].facts.socket is not None
        assert supervisor.slots[FUNCTION.key].ready == 1

    play(story)


def test_a_new_supervisor_needs_no_room_for_a_function_whose_socket_is_gone():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        await supervisor.apply(FUNCTION, {})
        await asyncio.sleep(10.0)
        supervisor.crash()
        supervisor.lose_sockets()
        supervisor.fill_disk(full=True)
        supervisor.restart()
        await asyncio.sleep(10.0)
        assert supervisor.slots[ORDER.key].ready == 1
        assert supervisor.slots[FUNCTION.key].facts.socket is None
        supervisor.fill_disk(full=False)
        await asyncio.sleep(10.0)
        assert supervisor.slots[FUNCTION.key].facts.socket is not None

    play(story)


def test_an_end_is_told_though_what_is_left_cannot_be_cleared_away_yet():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        await supervisor.remove(ORDER.key, ORDER.fence)
        heard: list[str] = []
        watching = asyncio.create_task(told(supervisor, heard))
        await asyncio.sleep(0.0)
        supervisor.fill_disk(full=True)
        while ORDER.key in supervisor.slots:
            heard.clear()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert heard
        assert supervisor.remembers(ORDER.key)
        supervisor.fill_disk(full=False)
        await asyncio.sleep(10.0)
        assert not supervisor.remembers(ORDER.key)
        watching.cancel()

    play(story)


@pytest.mark.parametrize("deaths", [0, 1, 2])
def test_what_came_of_a_job_is_not_lost_though_its_supervisor_died_before_there_was_room(
    deaths: int,
):
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        supervisor.job_fate = lambda _: (5.0, 7)
        await supervisor.exec(JOB, {})
        supervisor.fill_disk(full=True, where=("disk",))
        await asyncio.sleep(10.0)
        for _ in range(deaths):
            supervisor.crash()
            supervisor.restart()
            await asyncio.sleep(1.0)
        assert supervisor.ledger[JOB.id].state == "running"
        supervisor.fill_disk(full=False)
        await asyncio.sleep(2.0)
        end = supervisor.ledger[JOB.id]
        assert (end.state, end.exit and end.exit.code) == ("ended", 7)
        assert supervisor.process_of(JOB.id) is None, "what is left of it goes"

    play(story)


def test_a_start_that_the_machine_has_no_room_for_is_no_failure_and_is_tried_again_after_a_pause():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        await supervisor.apply(TRIED, {})
        supervisor.fill_disk(full=True)
        tries: list[Act] = []
        supervisor.on_act = lambda slot, act: tries.append(act)
        await asyncio.sleep(60.0)
        facts = supervisor.slots[TRIED.key].facts
        assert (facts.failures, facts.crashes, facts.gave_up, facts.last_exit) == (
            0,
            0,
            False,
            None,
        )
        assert facts.hindered == "No space left on device"
        assert len(tries) == pytest.approx(60 / HINDERED_S, abs=1)
        said = [line for line in supervisor.lines if "No space left" in line.text]
        assert len(said) == 1
        supervisor.fill_disk(full=False)
        await asyncio.sleep(10.0)
        facts = supervisor.slots[TRIED.key].facts
        assert (len(facts.ready), facts.hindered) == (1, "")

    play(story)


def test_nor_is_one_that_was_begun_before_the_machine_had_no_room():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        supervisor.fill_disk(full=False)
        await supervisor.apply(TRIED, {})
        await asyncio.sleep(0.01)
        standing = supervisor._life.table.sets[TRIED.key]
        (running,) = standing.running.values()
        reports = supervisor._life.hands.reports(standing)
        reports.ended(running, Ending(126, failure="cannot start web.1", hindrance="No room"))
        facts = standing.facts
        assert (facts.instances, facts.failures, facts.hindered) == ((), 0, "No room")
        await asyncio.sleep(HINDERED_S - 0.1)
        assert standing.facts.instances == ()
        await asyncio.sleep(10.0)
        assert supervisor.slots[TRIED.key].ready == 1

    play(story)


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE])
def test_what_the_machine_lacks_is_told_however_deep_it_lies(number: int):
    error = Transient("cannot start web.1")
    error.__cause__ = OSError(number, "something")
    assert hindrance(error) == os.strerror(number)


@pytest.mark.parametrize("number", [ENOENT, EACCES, ENOMEM, EAGAIN])
def test_and_nothing_else_is(number: int):
    assert hindrance(OSError(number, "something")) == ""
    assert hindrance(Transient("cannot start web.1: No space left on device")) == ""
