"""Requests that wait for a set to come up: held, counted, and let go all at once.

One start serves everyone who waits for the same set. Whoever leaves takes nothing along: the wait
belongs to the set, not to the request that began it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from setpoint.drivers.envoy.bell import Bell
from setpoint.formats.envoy import replies
from setpoint.formats.envoy.clusters import endpoints
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.replies import Reply
from setpoint.model.process import SetFacts


def verdict(facts: SetFacts | None, in_place: bool) -> Reply | bool:
    """Let them through (True), turn them away, or go on waiting (False).

    `in_place`: Envoy has confirmed the endpoints there are.
    """
    if facts is None:
        return False
    if endpoints(facts) and not (facts.gave_up and not facts.ready):
        return in_place
    return replies.CRASHED if facts.gave_up else False


@dataclass
class _Wait:
    waiting: int
    bell: Bell
    outcome: "asyncio.Task[Reply | None]"


class Holds:
    """`look`: facts of a cluster's set, and whether Envoy has its endpoints. `want`: tells the
    supervisor how many requests wait for that set (absolute; 0 when nobody does any more)."""

    def __init__(
        self,
        look: Callable[[str], tuple[SetFacts | None, bool]],
        want: Callable[[str, int], None],
        limits: Limits,
    ) -> None:
        self._look = look
        self._want = want
        self._limits = limits
        self._waits: dict[str, _Wait] = {}

    def changed(self, cluster: str) -> None:
        """Something about this set changed: facts, or what Envoy has confirmed."""
        if wait := self._waits.get(cluster):
            wait.bell.ring()

    def waiting(self) -> dict[str, int]:
        return {cluster: wait.waiting for cluster, wait in self._waits.items() if wait.waiting}

    async def hold(self, cluster: str) -> Reply | None:
        """None: go ahead. Otherwise what to answer instead."""
        ready = verdict(*self._look(cluster))
        if ready is not False:
            return None if ready is True else ready
        wait = self._waits.get(cluster) or self._begin(cluster)
        if wait.waiting >= self._limits.held_max:
            return replies.BACKLOG
        self._count(cluster, wait, 1)
        try:
            return await asyncio.shield(wait.outcome)
        finally:
            self._count(cluster, wait, -1)

    def _begin(self, cluster: str) -> _Wait:
        bell = Bell()
        wait = _Wait(0, bell, asyncio.create_task(self._outcome(cluster, bell)))
        self._waits[cluster] = wait
        return wait

    def _count(self, cluster: str, wait: _Wait, difference: int) -> None:
        """That somebody waits is told at once; how many, once a second (`waiting`)."""
        before, wait.waiting = wait.waiting, wait.waiting + difference
        if 0 in (before, wait.waiting) and self._waits.get(cluster) is wait:
            self._want(cluster, wait.waiting)

    async def _outcome(self, cluster: str, bell: Bell) -> Reply | None:
        try:
            async with asyncio.timeout(self._limits.hold_s):
                return await self._settled(cluster, bell)
        except TimeoutError:
            return replies.BOOT_TIMEOUT
        finally:
            del self._waits[cluster]
            self._want(cluster, 0)

    async def _settled(self, cluster: str, bell: Bell) -> Reply | None:
        while True:
            heard = bell.hear()
            ready = verdict(*self._look(cluster))
            if ready is not False:
                return None if ready is True else ready
            await heard
