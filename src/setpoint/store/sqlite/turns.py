"""Work on its way to a thread that owns a connection, and its answer on the way back."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from setpoint.store.sqlite.connection import Connection

T = TypeVar("T")


class Runner(Protocol):
    """Runs a function over a connection, somewhere, in a transaction."""

    async def run(self, work: Callable[[Connection], T]) -> T: ...

    async def stop(self) -> None: ...


@dataclass
class Turn:
    """Ends with a result or an error."""

    work: Callable[[Connection], Any]
    result: Any = None
    error: Exception | None = None


@dataclass
class Queued(Turn):
    """A turn whose answer somebody awaits in an event loop."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    answer: asyncio.Future[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()


def answer_all(turns: Sequence[Queued]) -> None:
    """One wake-up per event loop, however many turns: it is the dearest part of a small commit."""
    for loop in {turn.loop for turn in turns}:
        mine = [turn for turn in turns if turn.loop is loop]
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer, mine)


def _answer(turns: Sequence[Queued]) -> None:
    for turn in turns:
        if turn.answer.done():  # the one who asked has gone
            continue
        if turn.error is not None:
            turn.answer.set_exception(turn.error)
        else:
            turn.answer.set_result(turn.result)
