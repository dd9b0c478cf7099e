"""The real supervisor on a simulated machine: how soon what crashes is started again."""

import asyncio
import random

from msgspec.structs import replace

from setpoint.model.errors import Terminal
from setpoint.model.ids import InstanceId
from setpoint.model.process import Bounds
from setpoint.testing import builders
from setpoint.testing.handles import SimHandle
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
        await supervisor.apply(TWO, {})
        await asyncio.sleep(100.0)

        def refused(*_: object) -> SimHandle:
            raise Terminal("cannot start web.1: there is no such program")

        supervisor._life.launcher.start = refused
        machine.end(machine.running[0], 1)
        await asyncio.sleep(600.0)
        starts = [a for a in supervisor.act_log if a.verb == "start"]
        assert len(starts) <= 14
        assert len(machine.running) == 1

    run(story(), random.Random(1))


def test_one_whose_level_is_gone_has_not_failed_and_starts_once_it_is_back():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        supervisor = SimSupervisor(loop, Machine(loop))
        had = supervisor.capabilities
        supervisor.capabilities = replace(had, level="L2")
        await supervisor.apply(replace(TWO, level_min="L3"), {})
        await asyncio.sleep(60.0)
        facts = supervisor.slots[TWO.key].facts
        assert (facts.failures, facts.gave_up) == (0, False)
        assert facts.hindered == "it has isolation level L2, and L3 is asked for"
        assert len([line for line in supervisor.lines if "isolation level" in line.text]) == 1
        supervisor.capabilities = had
        await asyncio.sleep(10.0)
        facts = supervisor.slots[TWO.key].facts
        assert (len(facts.ready), facts.hindered) == (2, "")

    run(story(), random.Random(1))
