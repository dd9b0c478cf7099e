"""Streams that end in order: when this process does, or when whoever reads may no longer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def until(ending: asyncio.Event, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """All of them, unless this process ends first. An orderly end is one that clients come back
    after; a line that breaks off is the end for them too."""
    over = asyncio.ensure_future(ending.wait())
    try:
        async with aclosing(before(over, items)) as coming:
            async for item in coming:
                yield item
    finally:
        over.cancel()


async def before(
    over: "asyncio.Future[Any]", items: AsyncGenerator[T, None]
) -> AsyncGenerator[T, None]:
    """Those that come until `over` is done. They are closed with this."""
    async with aclosing(items):
        while not over.done() and (item := await _next(over, items)) is not None:
            yield item


async def _next(over: "asyncio.Future[Any]", items: AsyncGenerator[T, None]) -> T | None:
    """In the task that asks: it is cancelled at one place, and then nothing is half way."""
    limit = asyncio.timeout(None)

    def end(_: "asyncio.Future[Any]") -> None:
        with suppress(RuntimeError):  # it has just come
            limit.reschedule(float("-inf"))

    over.add_done_callback(end)
    try:
        async with limit:
            return await anext(items, None)
    except TimeoutError:
        if not limit.expired():
            raise
        return None
    finally:
        over.remove_done_callback(end)
