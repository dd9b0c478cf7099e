"""One rehearsal from its script to its end."""

import random
from collections.abc import Callable

from setpoint.model.snapshot import Snapshot
from setpoint.model.text import when
from setpoint.testing.loop import SimLoop, run
from setpoint.testing.rehearsal.director import Director
from setpoint.testing.rehearsal.ear import Ear
from setpoint.testing.rehearsal.events import Event, Telling
from setpoint.testing.rehearsal.restore import restore
from setpoint.testing.rehearsal.script import Line
from setpoint.testing.rehearsal.stage import Stage

DONE, VIOLATED, UNSETTLED = 0, 1, 4
"""exit codes, as everywhere in Setpoint"""


class InOrder(random.Random):
    """Luck that leaves what is ready at the same moment in the order in which it got ready."""

    def shuffle(self, x: object) -> None:
        """Nothing is moved."""


def rehearse(
    lines: tuple[Line, ...],
    tell: Callable[[Event], None],
    seed: int | None = None,
    start: Snapshot | None = None,
) -> int:
    """Tells every event as it comes; returns the exit code. The same arguments tell the same.

    `seed`: what is ready at the same moment happens in an order drawn from it. `start`: what there
    is already; nothing without it.
    """
    order = InOrder(0) if seed is None else random.Random(seed)
    return run(_play(lines, tell, random.Random(seed or 0), start), order)


async def _play(
    lines: tuple[Line, ...],
    tell: Callable[[Event], None],
    luck: random.Random,
    start: Snapshot | None,
) -> int:
    loop = SimLoop.current()
    if start is not None:
        loop.now = start.at_s
    began_s = loop.now
    stage = Stage(luck)
    ear = Ear(stage, Telling(lambda: loop.now - began_s, tell))
    director = Director(stage, ear)
    ear.listen()
    if start is not None:
        restore(stage, start)
        ear.tell("world", "", _beginning(start), *_left_out(start))
    async with stage:
        await director.play(lines)
    if stage.watch.violations:
        return VIOLATED
    return UNSETTLED if director.unsettled else DONE


def _left_out(start: Snapshot) -> tuple[str, ...]:
    names = ", ".join(start.unread)
    return (f"left out, for they cannot be read: {names}",) if names else ()


def _beginning(start: Snapshot) -> str:
    count = "one app" if len(start.apps) == 1 else f"{len(start.apps)} apps"
    return f"begins with {count} of Setpoint {start.version}, as of {when(start.at_s)}"
