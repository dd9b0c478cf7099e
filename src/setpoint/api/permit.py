"""What is open stays open as long as whoever opened it may, and no longer: a token is revoked or
expires, a role is taken away, an account is removed.

Looked at again every second, by two short reads: nobody has to remember to tell, and a time that
has come tells nobody.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from setpoint.api import headers
from setpoint.api.services import Services
from setpoint.api.until import before
from setpoint.model.account import digest
from setpoint.model.change import Actor
from setpoint.model.ids import AppId
from setpoint.policy import access
from setpoint.policy.access import Need
from setpoint.views import actors, lookup

LOOK_AGAIN_S = 1.0
INSTALLATIONS = b""
"""stands for the digest of the token in the data directory, which lasts as long as this process"""

T = TypeVar("T")


@dataclass(frozen=True)
class Permit:
    """`digest`: of the token that it was opened with. `app`: what it is about, None for none."""

    services: Services
    digest: bytes
    need: Need
    app: AppId | None = None

    async def lasts(self) -> bool:
        """Raises StoreError."""
        actor = await self._actor()
        if actor is None:
            return False
        unit = await lookup.unit(self.services.store, self.app) if self.app is not None else None
        return access.still_may(actor, self.need, unit)

    async def ended(self) -> None:
        """Returns once it does not last any more."""
        while await self.lasts():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _actor(self) -> Actor | None:
        if self.digest == INSTALLATIONS:
            return Actor("admin", "", "admin")
        services = self.services
        return await actors.by_digest(services.store, self.digest, services.now())


def shown(services: Services, authorization: str) -> bytes:
    """The digest of the token that a request came with."""
    secret = headers.token(authorization)
    return INSTALLATIONS if services.tokens.check(secret) else digest(secret)


async def while_it_lasts(permit: Permit, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """All of them, or those that came until then. Raises StoreError."""
    over = asyncio.ensure_future(permit.ended())
    try:
        async with aclosing(before(over, items)) as coming:
            async for item in coming:
                yield item
        if over.done():
            over.result()
    finally:
        over.cancel()
