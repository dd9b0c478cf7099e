"""Somebody wants the disk in order now. It alters no intent, so it is no Change; what it did stands
in the journal of each app it concerns and in the feed of events."""

from collections.abc import Awaitable, Callable

from setpoint.model.change import Asked
from setpoint.model.retention import Collection
from setpoint.policy import access

Collect = Callable[[bool], Awaitable[Collection]]


async def collect(asked: Asked, do: Collect, *, dry_run: bool) -> Collection:
    """`do`: the collector, told whether only to look."""
    access.authorise(asked.actor, "collect", "what is kept no longer")
    return await do(dry_run)
