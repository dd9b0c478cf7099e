"""When drift of an instance has ended, as the real supervisor says it, on a simulated machine."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from setpoint.drivers.local import facts as change
from setpoint.model.app import Upkeep, UpkeepMode
from setpoint.model.ids import Fence
from setpoint.model.journal import DRIFTED, REPAIRED
from setpoint.model.process import SIGKILL, Bounds, SetOrder
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

ORDER = builders.order(Bounds(2, 2), code=PROGRAMS[0].digest)
Story = Callable[[Machine, SimSupervisor], Awaitable[None]]


def under(mode: UpkeepMode, order: SetOrder = ORDER) -> SetOrder:
    return replace(order, upkeep=None if mode == "enforce" else Upkeep(mode))


def scaled(least: int, most: int) -> SetOrder:
    later = Fence(ORDER.fence.incarnation, ORDER.fence.generation + 1)
    return replace(ORDER, bounds=Bounds(least, most), fence=later)


def told(supervisor: SimSupervisor) -> list[tuple[str, str, str]]:
    """(verb, subject, how), without how long it took."""
    acts = [a for a in supervisor.act_log if a.verb in (DRIFTED, REPAIRED)]
    return [(a.verb, a.subject, a.because.partition(", ")[0]) for a in acts]


def play(order: SetOrder, story: Story) -> None:
    """With all that are intended ready, of which an outsider has killed the second."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(replace(order, upkeep=None), {})
        await asyncio.sleep(10.0)
        await supervisor.apply(order, {})
        machine.end(machine.running[-1], 128 + SIGKILL)
        await asyncio.sleep(1.0)
        await story(machine, supervisor)

    run(main(), random.Random(1))


KILLED = [(DRIFTED, "web.2", "was killed by an outsider (signal 9)")]


def restarted(supervisor: SimSupervisor) -> None:
    supervisor.crash()
    supervisor.restart()


def test_what_is_repaired_has_ended_once_it_is_up_again():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        await asyncio.sleep(10.0)
        assert told(supervisor) == [*KILLED, (REPAIRED, "web.2", "is up again")]

    play(ORDER, story)


@pytest.mark.parametrize("mode", ["report", "freeze"])
@pytest.mark.parametrize("restart", [False, True])
def test_what_is_left_so_goes_on_until_it_is_thawed_also_over_a_restart(
    mode: UpkeepMode, restart: bool
):
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        if restart:
            restarted(supervisor)
        await asyncio.sleep(60.0)
        assert told(supervisor) == KILLED
        await supervisor.apply(replace(scaled(2, 2), upkeep=None), {})
        await asyncio.sleep(10.0)
        assert told(supervisor) == [*KILLED, (REPAIRED, "web.2", "is up again")]

    play(under(mode), story)


@pytest.mark.parametrize("restart", [False, True])
def test_it_has_ended_once_as_many_as_are_wanted_are_up_without_it(restart: bool):
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        if restart:
            restarted(supervisor)
        await supervisor.apply(under("report", scaled(1, 1)), {})
        await asyncio.sleep(10.0)
        assert told(supervisor) == [*KILLED, (REPAIRED, "web.2", "1 up")]

    play(under("report"), story)


@pytest.mark.parametrize("restart", [False, True])
def test_it_has_ended_once_its_set_is_gone(restart: bool):
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        if restart:
            restarted(supervisor)
        await supervisor.remove(ORDER.key, scaled(0, 0).fence)
        await asyncio.sleep(60.0)
        assert ORDER.key not in supervisor.slots
        assert told(supervisor) == [*KILLED, (REPAIRED, "web.2", "is wanted no more")]

    play(under("report"), story)


def test_nothing_is_missed_of_what_may_be_at_zero():
    async def story(machine: Machine, supervisor: SimSupervisor) -> None:
        assert [verb for verb, *_ in told(supervisor)] == [DRIFTED, REPAIRED]

    play(replace(ORDER, bounds=Bounds(0, 2)), story)


@pytest.mark.parametrize("point", range(4))
def test_it_is_known_wherever_the_supervisor_dies_once_it_has_told(point: int):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine = Machine(loop)
        supervisor = SimSupervisor(loop, machine)
        await supervisor.apply(under("report"), {})
        await asyncio.sleep(10.0)
        points = itertools.count()
        supervisor.strikes = lambda: bool(told(supervisor)) and next(points) == point
        machine.end(machine.running[-1], 128 + SIGKILL)
        await asyncio.sleep(1.0)
        assert not supervisor.up
        supervisor.restart()
        await asyncio.sleep(10.0)
        assert set(told(supervisor)) == set(KILLED)
        await supervisor.apply(under("report", scaled(1, 1)), {})
        await asyncio.sleep(10.0)
        assert told(supervisor)[-1] == (REPAIRED, "web.2", "1 up")

    run(main(), random.Random(1))


def test_what_others_run_on_as_well_goes_on_with_them():
    other = replace(ORDER, key=replace(ORDER.key, process="worker"))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        supervisor = SimSupervisor(loop, Machine(loop))
        for order in (ORDER, other):
            await supervisor.apply(order, {})
        await asyncio.sleep(10.0)
        life = supervisor._life
        standing = life.table.sets[ORDER.key]
        life.hands.drifted(standing, "code", "was altered by an outsider: app.py was changed")
        await supervisor.remove(ORDER.key, ORDER.fence)
        await asyncio.sleep(60.0)
        assert [verb for verb, *_ in told(supervisor)] == [DRIFTED]
        await supervisor.remove(other.key, other.fence)
        await asyncio.sleep(60.0)
        assert [verb for verb, *_ in told(supervisor)] == [DRIFTED, REPAIRED]

    run(main(), random.Random(1))


def test_the_clock_that_was_set_takes_it_along():
    facts = change.drifted(builders.facts(ORDER), "web.1", 100.0)
    assert change.adrift_since_s(change.shifted(facts, 50.0), "web.1") == 150.0
