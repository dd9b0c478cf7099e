"""What outsiders take that tells nobody, of which the real supervisor finds out on its rounds."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.rounds import CUT, PIN
from setpoint.model.app import Upkeep
from setpoint.model.ids import AppId
from setpoint.model.journal import DRIFTED, REPAIRED
from setpoint.model.process import Bounds, SetOrder
from setpoint.testing import builders
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor

Story = Callable[[SimSupervisor], Awaitable[None]]
LOST = "has lost its listening socket to an outsider"
WEBS = tuple(
    builders.order(Bounds(1, 1), app=AppId(f"app-{n}"), code=PROGRAMS[0].digest) for n in range(3)
)


def function(app: AppId) -> SetOrder:
    order = builders.order(Bounds(0, 2), app=app, code=PROGRAMS[0].digest)
    return replace(
        order,
        key=replace(order.key, process="greet"),
        spec=replace(order.spec, process="greet", kind="function"),
    )


GREETS = tuple(function(AppId(f"app-{n}")) for n in range(3))


def play(story: Story) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        supervisor = SimSupervisor(loop, Machine(loop))
        for order in (*WEBS, *GREETS):
            await supervisor.apply(order, {})
        await asyncio.sleep(10.0)
        await story(supervisor)

    run(main(), random.Random(1))


async def look_around(supervisor: SimSupervisor) -> None:
    supervisor.look_around()
    await asyncio.sleep(3.0)


def told(supervisor: SimSupervisor) -> list[tuple[str, str, str]]:
    acts = [a for a in supervisor.act_log if a.verb in (DRIFTED, REPAIRED)]
    return [(a.app, a.verb, a.because.partition(", ")[0]) for a in acts]


def failing(supervisor: SimSupervisor, order: SetOrder) -> list[str]:
    return [a.failing for a in supervisor.slots[order.key].facts.adrift]


def test_a_socket_that_cannot_be_made_anew_keeps_no_other_from_it():
    async def story(supervisor: SimSupervisor) -> None:
        for order in GREETS:
            supervisor.take_socket(order.key, put=order is GREETS[0])
        for _ in range(3):
            await look_around(supervisor)
        sick, *well = GREETS
        assert failing(supervisor, sick) == ["[Errno 21] Is a directory"]
        assert not any(supervisor.slots[o.key].facts.adrift for o in well)
        assert told(supervisor)[0] == (sick.key.app, DRIFTED, LOST)
        assert {app for app, verb, _ in told(supervisor) if verb == REPAIRED} == {
            o.key.app for o in well
        }

    play(story)


def test_a_socket_that_cannot_be_looked_at_keeps_nobody_from_looking_at_others():
    async def story(supervisor: SimSupervisor) -> None:
        spoiled, *well = GREETS
        supervisor.spoil_socket(spoiled.key)
        for order in well:
            supervisor.take_socket(order.key)
        supervisor.cut(spoiled.key.app)
        await look_around(supervisor)
        assert {app for app, verb, _ in told(supervisor) if verb == REPAIRED} == {
            o.key.app for o in GREETS
        }

    play(story)


def test_it_is_made_as_soon_as_it_can_be():
    async def story(supervisor: SimSupervisor) -> None:
        (sick, *_) = GREETS
        supervisor.take_socket(sick.key, put=True)
        await look_around(supervisor)
        supervisor.clear_places()
        await asyncio.sleep(3.0)
        assert not supervisor.slots[sick.key].facts.adrift
        assert told(supervisor)[-1] == (sick.key.app, REPAIRED, "has a new listening socket")
        supervisor.want(sick.key)
        await asyncio.sleep(3.0)
        assert supervisor.slots[sick.key].ready == 1

    play(story)


def test_so_does_the_next_supervisor_which_says_the_same_of_it_until_then():
    async def story(supervisor: SimSupervisor) -> None:
        (sick, *_) = GREETS
        supervisor.take_socket(sick.key, put=True)
        await look_around(supervisor)
        supervisor.crash()
        supervisor.restart()
        await asyncio.sleep(3.0)
        assert failing(supervisor, sick) == ["[Errno 21] Is a directory"]
        supervisor.clear_places()
        await asyncio.sleep(3.0)
        assert not supervisor.slots[sick.key].facts.adrift

    play(story)


@pytest.mark.parametrize("mode", ["enforce", "report", "freeze"])
def test_a_network_that_cannot_be_mended_keeps_no_other_app_cut_off(mode: str):
    async def story(supervisor: SimSupervisor) -> None:
        sick, *well = WEBS
        if mode != "enforce":
            await supervisor.apply(replace(sick, upkeep=Upkeep(mode)), {})
        for order in WEBS:
            supervisor.cut(order.key.app, put=order is sick)
        for _ in range(3):
            await look_around(supervisor)
        app = sick.key.app
        assert failing(supervisor, sick) == [
            f"cannot prepare the network of {app}: Not a directory"
        ]
        assert not any(supervisor.slots[o.key].facts.adrift for o in well)
        assert [t for t in told(supervisor) if t[0] == app] == [(app, DRIFTED, PIN)]
        supervisor.clear_places()
        await look_around(supervisor)
        assert not supervisor.slots[sick.key].facts.adrift
        *_, repaired = [a for a in supervisor.act_log if a.app == app]
        assert repaired.because == "is as it was again, 9.0 s later"

    play(story)


def test_what_was_mended_by_a_start_is_adrift_no_more():
    async def story(supervisor: SimSupervisor) -> None:
        (sick, *_) = WEBS
        supervisor.cut(sick.key.app, put=True)
        await look_around(supervisor)
        supervisor.clear_places()
        supervisor.join(sick.key.app)
        await look_around(supervisor)
        assert not supervisor.slots[sick.key].facts.adrift
        assert CUT not in {because for *_, because in told(supervisor)}

    play(story)
