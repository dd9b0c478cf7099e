"""Who am I, and what is mine; and whether anybody is there."""

from setpoint.api.call import Call
from setpoint.api.platform import apps
from setpoint.formats.heroku import shapes, write
from setpoint.model.change import Actor
from setpoint.model.errors import NotFound
from setpoint.policy.names import shortened
from setpoint.views import accounts

REQUESTS_LEFT = 4500


async def info(call: Call) -> shapes.Account:
    return write.account(call.asked.actor, call.services.installation.since_s)


async def user(call: Call) -> shapes.Account:
    """`~` is whoever asks; administrators may look at others too."""
    wanted, actor = call.param("user"), call.asked.actor
    if actor.reach == "all" and actor.scope == "admin":
        for known in await accounts.accounts(call.services.store, actor):
            if wanted in (known.email, write.derived("user", known.email)):
                return write.account(Actor(known.email, known.email), known.created_at_s)
    return await _oneself(call)


async def _oneself(call: Call) -> shapes.Account:
    me = await info(call)
    wanted = call.param("user")
    if wanted not in ("~", me.email, me.id):
        raise NotFound(f"cannot see user '{shortened(wanted)}': no such user but yourself (~)")
    return me


async def reached(call: Call) -> tuple[shapes.App, ...]:
    """One's own, and those one has a role on."""
    await _oneself(call)
    return await apps.listed(call)


async def rate_limits(call: Call) -> shapes.RateLimit:
    """Nobody is limited here; clients that look want a number, and get the most that Heroku has."""
    return shapes.RateLimit(REQUESTS_LEFT)


async def health(call: Call) -> shapes.Health:
    """As Heroku's status site, which `heroku status` asks without a token: this API answers."""
    return shapes.Health((shapes.SystemHealth("Tools", "green"),))
