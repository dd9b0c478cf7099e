"""Work on its way to a thread that owns a connection, and its answer on the way back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from setpoint.model.errors import StoreError, Superseded
from setpoint.store.sqlite.connection import Connection

T = TypeVar("T")


class Runner(Protocol):
    """Runs a function over a connection, somewhere, in a transaction."""

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        """`long`: it would hold up everybody else on the event loop. `later`: nobody waits for what
        comes of it."""
        ...

    async def stop(self) -> None: ...


class Writing(Runner, Protocol):
    """`refusal`: why a write was not kept, the last such since `accept`."""

    refusal: StoreError | None

    def accept(self) -> None: ...


class Turn:
    """Ends with a result or an error. `refused`: nothing of its whole group was kept."""

    __slots__ = ("error", "refused", "result", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: Exception | None = None
        self.refused = False


def refused(turns: Sequence[Turn]) -> StoreError | None:
    """Why none of this group was kept, if that is the store's doing and no other daemon's."""
    found = next((turn.error for turn in turns if turn.refused), None)
    return found if isinstance(found, StoreError) and not isinstance(found, Superseded) else None


class Queued(Turn):
    """A turn whose answer somebody awaits in an event loop."""

    __slots__ = ("answer", "long")

    def __init__(
        self, work: Callable[[Connection], Any], answer: asyncio.Future[Any], *, long: bool = False
    ) -> None:
        super().__init__(work)
        self.answer = answer
        self.long = long

    def tell(self) -> None:
        """On the event loop of whoever asked."""
        if self.answer.done():  # the one who asked has gone
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)
