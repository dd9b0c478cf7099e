"""How long a look at the world may take."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from setpoint.model.errors import Transient


@asynccontextmanager
async def within(timeout_s: float, doing: str) -> AsyncGenerator[None]:
    """Raises Transient where what is done in here takes longer. `doing`: 'look at the world'."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise Transient(f"cannot {doing}: no answer within {timeout_s:g} s") from None
