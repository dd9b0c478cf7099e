"""Whose a token is: the installation's own, or one of the store's."""

from setpoint.api.services import Services
from setpoint.model.change import Actor
from setpoint.views import actors


async def actor(services: Services, secret: str) -> Actor | None:
    if not secret:
        return None
    own = services.tokens.check(secret)
    return own or await actors.by_token(services.store, secret, services.now())
