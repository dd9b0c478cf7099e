"""Streams that end in order when this process does."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def until(ending: asyncio.Event, items: AsyncIterator[T]) -> AsyncIterator[T]:
    """All of them, unless this process ends first. An orderly end is one that clients come back
    after; a line that breaks off is the end for them too."""
    over = asyncio.ensure_future(ending.wait())
    coming: asyncio.Future[T | None] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(items, None))
            await asyncio.wait((over, coming), return_when=asyncio.FIRST_COMPLETED)
            item = coming.result() if coming.done() else None
            if item is None:
                return
            yield item
    finally:
        over.cancel()
        if coming is not None:
            coming.cancel()
