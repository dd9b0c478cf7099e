"""Sends somebody's digest to an address, once a day at most, until it is taken."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from setpoint.formats import digest_hook
from setpoint.formats.digest_hook import Hook
from setpoint.model.change import Actor
from setpoint.model.digest import Digest
from setpoint.model.errors import SetpointError, Terminal, Transient
from setpoint.planning import digest as planning
from setpoint.store.port import Store
from setpoint.views import digest as views

LOOK_S = 600.0

Post = Callable[[str, bytes, Mapping[str, str]], None]
"""(address, body, headers); blocks. Raises Transient, Terminal."""


class Digests:
    """`now`: unix seconds. What was taken is known by the store alone: it is no worse to end."""

    def __init__(
        self, store: Store, hook: Hook, post: Post, now: Callable[[], float], log: logging.Logger
    ) -> None:
        self._store = store
        self._hook = hook
        self._post = post
        self._now = now
        self._log = log
        self._failures = 0

    async def run(self) -> None:
        while True:
            try:
                wait_s = await self.look()
            except SetpointError as error:
                self._log.info("digest.missed", extra={"error": error.message})
                wait_s = LOOK_S
            await asyncio.sleep(wait_s)

    async def look(self) -> float:
        """Sends one if there is something to say and it is time; how long to wait now, seconds."""
        hook, now_s = self._hook, self._now()
        if not planning.due(await self._store.read_up_to(hook.reader), now_s):
            return LOOK_S
        actor = Actor("webhook", hook.person, "read", "granted")
        told = await views.digest(self._store, actor, hook.person, now_s, hook.reader)
        if told.empty:
            return LOOK_S
        said = await views.outward(self._store, planning.lines(told, now_s))
        return await self._sent(told, digest_hook.body(told, said))

    async def _sent(self, told: Digest, body: bytes) -> float:
        headers = digest_hook.headers(self._hook, told, body, told.at_s)
        try:
            await asyncio.to_thread(self._post, self._hook.url, body, headers)
        except Transient as error:
            self._failures += 1
            self._log.info("digest.delayed", extra={"error": error.message})
            return planning.again_s(self._failures)
        except Terminal as error:
            self._log.error("digest.refused", extra={"error": error.message})
            return planning.EVERY_S
        self._failures = 0
        await self._store.have_read(self._hook.reader, told.up_to, told.at_s)
        self._log.info("digest.sent", extra={"up_to": told.up_to})
        return LOOK_S
