"""One push, from what git's hook asks to its answer: pack the commit's tree, deploy it, tell how it
goes, and let the refs move only once it serves."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from typing import IO

import msgspec

from setpoint.api import beginning, deploying
from setpoint.api.call import Call
from setpoint.api.deploying import MARK, WARN
from setpoint.drivers.git import source
from setpoint.drivers.git.receiving import Receiving, quarantined
from setpoint.formats import git
from setpoint.formats.git import HookSaid
from setpoint.intents import deploys
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Conflict, Refused, SetpointError, Transient
from setpoint.model.ids import Digest
from setpoint.model.push import NOTHING, RefMove
from setpoint.model.text import printable
from setpoint.policy import pushes

log = logging.getLogger("setpoint.git")

CHUNK_BYTES = 256 * 1024


class Push:
    """`created`: the app is there because of this push."""

    def __init__(self, call: Call, unit: Unit, receiving: Receiving, *, created: bool) -> None:
        self.call = call
        self.unit = unit
        self.receiving = receiving
        self._created = created
        self._repositories = call.services.repositories
        self._repository = self._repositories.of(unit.id)

    async def decide(self) -> None:
        """To its end, whatever that is. Where nobody listens any more, nobody is told."""
        with contextlib.suppress(Transient):
            said = await self.receiving.asked()
            if said is not None:
                await self.receiving.answer(yes=await self._decided_in_words(said))

    def end(self) -> None:
        self.receiving.close()
        self._repositories.end(self.unit.id, self)

    async def _decided_in_words(self, said: HookSaid) -> bool:
        """Raises Transient where the client is gone."""
        try:
            return await self._decided(said)
        except SetpointError as error:
            await self._complain(str(error))
        except Exception:
            request_id = self.call.asked.request_id
            log.exception("push.failed", extra={"request_id": request_id})
            await self._complain(f"Setpoint failed; its log has the details under {request_id}")
        return False

    async def _decided(self, said: HookSaid) -> bool:
        name = self.unit.name
        self._repositories.begin(self.unit.id, self)
        if self._created:
            await self._say(f"{MARK}Created {name}")
        move = pushes.deployed(name, said.moves)
        for other in said.moves:
            if other is not move:
                await self._say(f"{MARK}{pushes.kept_only(other)}")
        if move is None:
            return True
        await self._check_unmoved(move)
        digest = await self._packed(said, move)
        asked = await self._asked(said, move)
        deployed = await self._deployed(asked, digest, move.new)
        if not await self._told(deployed):
            return False
        # What a clone begins with.
        await self._repositories.ask(("symbolic-ref", "HEAD", move.ref), self._repository)
        return True

    async def _check_unmoved(self, move: RefMove) -> None:
        """git looks again when it moves the ref, which would be too late: it would run already."""
        words = ("for-each-ref", "--format=%(objectname)", "--", move.ref)
        found = await self._repositories.ask(words, self._repository)
        if (found.decode().strip() or NOTHING) != move.old:
            raise Conflict(
                f"cannot deploy '{self.unit.name}': somebody else has pushed meanwhile",
                "git fetch, then push again",
            )

    async def _packed(self, said: HookSaid, move: RefMove) -> Digest:
        """The commit's files, put where every source is put."""
        at, unseen = self._repository, quarantined(said)
        words = ("ls-tree", "-r", "-l", "-z", "--full-tree", move.new)
        entries = git.tree(await self._repositories.ask(words, at, unseen))
        pushes.check_tree(self.unit.name, entries)
        services = self.call.services
        with tempfile.TemporaryFile(dir=self._repositories.folder) as packed:
            await asyncio.to_thread(source.pack, self._repositories, at, unseen, entries, packed)
            packed.seek(0)
            services.uploads.open_place(place := services.new_id())
            digest, size = await services.uploads.receive(place, _chunks(packed))
        await services.store.record_source(digest, size, services.now())
        return digest

    async def _asked(self, said: HookSaid, move: RefMove) -> Asked:
        """Why: what was said with this push, else what the commit says."""
        if why := git.said_why(said.options):
            return msgspec.structs.replace(self.call.asked, why=why, why_source="flag")
        words = ("cat-file", "commit", move.new)
        commit = await self._repositories.ask(words, self._repository, quarantined(said))
        why = git.commit_message(commit)
        return msgspec.structs.replace(self.call.asked, why=why, why_source="commit")

    async def _deployed(self, asked: Asked, digest: Digest, commit: str) -> Unit:
        """The same commit again, after a line that broke, is not deployed twice."""
        door, found = self.call.services.door, await self._now()
        if await deploying.under_way(self.call.services, found, digest, commit):
            await self._say(f"{MARK}{commit[:8]} was deployed already")
            return found
        begins = await beginning.of(self.call.services, found, digest)
        return await deploys.deploy(door, asked, found.name, digest, commit, begins)

    async def _now(self) -> Unit:
        unit = await self.call.services.store.unit(self.unit.id)
        if unit is None or unit.intent.deleted:
            raise Refused(f"cannot deploy '{self.unit.name}': it was destroyed meanwhile")
        return unit

    async def _told(self, unit: Unit) -> bool:
        """Line by line until it serves or fails, or this process ends before."""
        async for line in deploying.lines(self.call.services, unit):
            await self._say(line.text)
            if line.verdict is not None:
                return line.verdict
        return False

    async def _complain(self, message: str) -> None:
        for line in message.splitlines():
            await self._say(WARN + line)

    async def _say(self, line: str) -> None:
        await self.receiving.tell(printable(line))


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
