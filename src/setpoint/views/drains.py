"""Where an app's log is sent, and whether it arrives."""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.drain import Shipped, token
from setpoint.model.errors import NotFound
from setpoint.planning import drains as planning
from setpoint.policy import access
from setpoint.store.port import Store

SET = "add a log drain to"
"""Who may do that sees whole addresses; they may hold a password."""


class DrainTold(msgspec.Struct, frozen=True):
    """`url`: all of the address for who may set it, for others what may be shown: `to`. `state`:
    new, delivering, retrying, failing. Lines are counted; times are unix seconds."""

    id: str
    token: str
    to: str
    url: str
    since_s: float
    state: str
    delivered: int
    dropped: int
    retries: int
    delivered_at_s: float | None
    failing_since_s: float | None
    error: str


async def drains(store: Store, actor: Actor, unit: Unit, now_s: float) -> tuple[DrainTold, ...]:
    """In the order in which they were added."""
    found = sorted(unit.intent.drains.items(), key=lambda item: (item[1].since_s, item[0]))
    if not found:
        return ()
    shipped = {s.drain: s for s in await store.shipped(unit.id)}
    urls = {id: drain.to for id, drain in found}
    if access.may(actor, SET, unit):
        urls = await store.reveal({id: drain.url for id, drain in found})
    return tuple(
        _told(id, drain.to, urls[id], drain.since_s, shipped.get(id, Shipped(id, unit.id)), now_s)
        for id, drain in found
    )


async def drain(store: Store, actor: Actor, unit: Unit, wanted: str, now_s: float) -> DrainTold:
    """By id, token or address. Raises NotFound."""
    for told in await drains(store, actor, unit, now_s):
        if wanted in (told.id, told.token, told.url):
            return told
    raise NotFound(f"cannot find that log drain: '{unit.name}' has no such drain")


async def words(store: Store, unit: Unit, id: str, now_s: float) -> str:
    """'12 lines delivered, 3 dropped'; '' where there is no such drain."""
    if id not in unit.intent.drains:
        return ""
    shipped = {s.drain: s for s in await store.shipped(unit.id)}
    return planning.words(unit.intent.drains[id].to, shipped.get(id), now_s)


def _told(id: str, to: str, url: str, since_s: float, shipped: Shipped, now_s: float) -> DrainTold:
    return DrainTold(
        id=id,
        token=token(id),
        to=to,
        url=url,
        since_s=since_s,
        state=planning.state(shipped, now_s),
        delivered=shipped.delivered,
        dropped=shipped.dropped,
        retries=shipped.retries,
        delivered_at_s=shipped.delivered_at_s,
        failing_since_s=shipped.failing_since_s,
        error=shipped.error,
    )
