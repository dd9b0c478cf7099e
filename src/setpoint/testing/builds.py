"""Builds of the simulated supervisor: each takes its time, and ends as its program does."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from msgspec.structs import replace

from setpoint.model.ids import AppId, BuildId
from setpoint.model.release import Build, BuildRequest, Slug
from setpoint.testing.disk import SimDisk
from setpoint.testing.programs import BY_DIGEST, Program


class SimBuilds:
    """`facts`: of every build that the disk still knows. `tell`: facts changed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, disk: SimDisk, tell: Callable[[AppId], None]
    ) -> None:
        self._loop = loop
        self._disk = disk
        self._tell = tell
        self._tries: dict[BuildId, int] = defaultdict(int)
        self.facts: dict[BuildId, Build] = {}

    @property
    def busy(self) -> bool:
        return any(b.status == "running" for b in self.facts.values())

    def start(self, request: BuildRequest, python: str) -> None:
        """Nothing if it runs or has ended, unless it was cut off. `python`: what slugs run on."""
        known = self.facts.get(request.id)
        if known is not None and not known.cut_off:
            return
        self.facts[request.id] = Build(
            request.id, request.app, request.source, "running", request.stack
        )
        self._tries[request.id] += 1
        program = BY_DIGEST[request.source]
        self._loop.call_later(program.build_s, self._ended, request, program, python)
        self._tell(request.app)

    def drop(self, app: AppId) -> None:
        for id in [b.id for b in self.facts.values() if b.app == app]:
            del self.facts[id]
            self._disk.drop(id)

    def power_off(self) -> None:
        for id in [b.id for b in self.facts.values() if b.status == "running"]:
            del self.facts[id]

    def _ended(self, request: BuildRequest, program: Program, python: str) -> None:
        if request.id not in self.facts:
            return
        ended = replace(self.facts[request.id], **self._outcome(request, program, python))
        self.facts[request.id] = ended
        self._disk.keep(ended)
        self._tell(request.app)

    def _outcome(self, request: BuildRequest, program: Program, python: str) -> dict[str, object]:
        if program.cut_off and self._tries[request.id] == 1:
            return {"status": "failed", "user_error": False, "message": "cut off"}
        if not program.builds:
            return {"status": "failed", "message": "no matching distribution found"}
        slug = Slug(
            request.source, program.processes, request.stack, python, schedule=program.schedule
        )
        return {"status": "succeeded", "slug": slug}
