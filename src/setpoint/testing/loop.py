"""An asyncio event loop on a virtual clock. The one file that leans on CPython's internals.

It is its own selector: when nothing is ready, time jumps to the next timer. What is ready at the
same instant runs in an order drawn from the seed, so a race is found by luck and kept by seed.
"""

import asyncio
import random
from asyncio import base_events
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START_S = 1_700_000_000.0
"""The virtual clock is unix time too, so that one number serves as both."""
ROUNDS_MAX = 100_000
"""of the loop at one instant. A busy instant of a simulated history takes some hundred."""


class Deadlock(Exception):
    """Nothing is ready and no timer is set: the simulation would hang for ever."""


class StandsStill(Exception):
    """Something is busy for ever, and virtual time does not get on."""


class _Jump:
    """Stands in for a selector: 'waiting' for `timeout` seconds is adding them to the clock."""

    def __init__(self, loop: "SimLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("cannot go on: nothing is ready and no timer is set")
        if timeout > 0:
            self._loop.now += timeout
        return []


class SimLoop(base_events.BaseEventLoop):
    """`now`: virtual seconds. `luck` decides the order of what is ready together."""

    _ready: "deque[asyncio.Handle]"

    def __init__(self, luck: random.Random) -> None:
        super().__init__()
        self.now = START_S
        self._luck = luck
        self._rounds = 0
        self._round_s = START_S
        self._selector = _Jump(self)
        self._clock_resolution = 1e-6

    @staticmethod
    def current() -> "SimLoop":
        """The one that runs."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        return loop

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        self._rounds = self._rounds + 1 if self.now == self._round_s else 0
        self._round_s = self.now
        if self._rounds > ROUNDS_MAX:
            self._rounds = 0
            raise StandsStill(f"{ROUNDS_MAX} rounds of the loop at {self.now - START_S:.2f} s")
        if len(self._ready) > 1:
            mixed = list(self._ready)
            self._luck.shuffle(mixed)
            self._ready.clear()
            self._ready.extend(mixed)
        super()._run_once()  # type: ignore[misc]

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none: nothing in a simulated world comes from outside."""

    def _write_to_self(self) -> None:
        """Only a real selector needs waking."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A simulated crash leaves broken tasks behind on purpose; what matters is checked."""


def run(main: Coroutine[Any, Any, T], luck: random.Random) -> T:
    """Run `main` to its end in virtual time."""
    loop = SimLoop(luck)
    try:
        return loop.run_until_complete(main)
    finally:
        _cancel_all(loop)
        loop.close()


def _cancel_all(loop: SimLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
