"""A real plane that builds what a test hands it, whole: the builder's process and the run stage."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders.stack import candidates, find_python, stack
from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build, BuildRequest
from tests.integration.supervisor.plane import Plane, clocked_plane, new_plane
from tests.support.building import packed
from tests.support.waiting import until


@dataclass
class BuildSite:
    """`build_s`: how long one build may take here."""

    plane: Plane
    build_s: float = 60.0
    count: int = 0

    def upload(self, content: bytes) -> Digest:
        digest = Digest(hashlib.sha256(content).hexdigest())
        (self.plane.paths.sources / f"{digest}.tar.gz").write_bytes(content)
        return digest

    def ask(
        self,
        app: str,
        files: Mapping[str, str],
        config: Mapping[str, str] | None = None,
        buildpacks: tuple[str, ...] = (),
    ) -> BuildRequest:
        self.count += 1
        request = BuildRequest(
            BuildId(f"{self.count:032x}"),
            self.plane.app(app),
            app,
            self.upload(packed(files)),
            stack(self.plane.python),
            buildpacks,
        )
        self.plane.run(lambda driver: driver.build(request, config or {}))
        return request

    def ended(self, request: BuildRequest) -> Build:
        def look() -> Build | None:
            found = [b for b in self.builds() if b.id == request.id]
            return found[0] if found and found[0].ended_at_s is not None else None

        return until(look, self.build_s, f"{request.app_name} is built: {self.plane.words()}")

    def builds(self) -> tuple[Build, ...]:
        return self.plane.run(lambda driver: driver.observe()).builds

    # --- what came of it ---

    def said(self, build: Build | BuildRequest) -> str:
        log = self.plane.paths.builds / f"{build.id}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def says(self, request: BuildRequest, text: str) -> None:
        """Wait for it."""
        until(lambda: text in self.said(request), self.build_s, f"{text!r} in {self.said(request)}")

    def code(self, build: Build) -> Path:
        assert build.slug is not None, build.message
        return self.plane.paths.layers / "code" / build.slug.code


@contextlib.contextmanager
def plane_up(*, clocked: bool = False) -> Iterator[Plane]:
    """`clocked`: a test moves its clock."""
    made = clocked_plane if clocked else new_plane
    plane = made(find_python(candidates(os.environ), shared=os.geteuid() == 0))
    try:
        plane.up()
        yield plane
    finally:
        plane.clear()
