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
class Job:
    """Ends with a result or an error."""

    work: Callable[[Connection], Any]
    result: Any = None
    error: Exception | None = None


@dataclass
class Queued(Job):
    """A job whose answer somebody awaits in an event loop."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    answer: asyncio.Future[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()


def answer_all(jobs: Sequence[Queued]) -> None:
    """One wake-up per event loop, however many jobs: it is the dearest part of a small commit."""
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer, mine)


def _answer(jobs: Sequence[Queued]) -> None:
    for job in jobs:
        if job.answer.done():  # the one who asked has gone
            continue
        if job.error is not None:
            job.answer.set_exception(job.error)
        else:
            job.answer.set_result(job.result)
