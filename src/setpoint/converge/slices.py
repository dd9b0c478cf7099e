"""Long lists are gone through a little at a time: who asked does not wait for all of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

SLICE = 250
"""Apps that are compared in a quarter of a millisecond."""


async def in_slices(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """All of them, in order; everybody else has a turn before each slice but the first."""
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + SLICE]
