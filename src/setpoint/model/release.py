"""Builds, slugs and releases: facts about sources, and the derived rows that run."""

from typing import Literal

import msgspec

from setpoint.model.app import ProcessKind, SecretRef
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.job import CronJob

BuildStatus = Literal["pending", "running", "succeeded", "failed"]
ReleaseStatus = Literal["pending", "succeeded", "failed", "superseded"]

SOURCE_BYTES_MAX = 256 * 1024 * 1024
"""an archive as uploaded"""
SOURCE_UNPACKED_BYTES_MAX = 512 * 1024 * 1024
SOURCE_FILES_MAX = 50_000
"""What is packed, taken in and unpacked: one number each for everybody who asks."""


PYTHON, NODEJS, BUILDPACK = "python", "nodejs", "buildpack"
"""runtimes"""


class ProcessType(msgspec.Struct, frozen=True):
    """One thing a slug can run. `command`: a shell line for Procfile processes, '' for functions.

    `folder`: where inside the code layer it lives ('' = root). `layer`: dependency layer digest.
    `runtime`: 'python' or 'nodejs' for functions, 'nodejs' for a Node.js app's processes, 'static'
    for a static site's web, 'buildpack' for what a buildpack made, else ''.
    """

    name: str
    kind: ProcessKind
    command: str = ""
    folder: str = ""
    layer: Digest | None = None
    runtime: str = ""


class Wish(msgspec.Struct, frozen=True):
    """What a source asked its build for and did not get. `path`: `source.` and the runtime;
    `capability`: the field of Capabilities that falls short; `got`: taken in its place; `because`:
    names the file that asks."""

    path: str
    capability: str
    wanted: str
    got: str
    because: str


class Slug(msgspec.Struct, frozen=True):
    """What a build leaves behind: layers by content, and what they can run.

    `code`: digest of the code layer. `stack`: hash of OS release, libc, interpreter, architecture.
    `python`: path of the interpreter the layers were made for. `node`: version of the Node.js they
    were made for, '' where there is none in it. `warnings` tell of `unmet`, too.
    """

    code: Digest
    processes: tuple[ProcessType, ...]
    stack: str
    python: str
    warnings: tuple[str, ...] = ()
    schedule: tuple[CronJob, ...] = ()
    node: str = ""
    unmet: tuple[Wish, ...] = ()

    def process(self, name: str) -> ProcessType | None:
        return next((p for p in self.processes if p.name == name), None)

    @property
    def layers(self) -> frozenset[Digest]:
        return frozenset(p.layer for p in self.processes if p.layer is not None)


class BuildRequest(msgspec.Struct, frozen=True):
    """All a builder needs. The id is derived from the key, so asking twice is one build."""

    id: BuildId
    app: AppId
    app_name: str
    source: Digest
    stack: str
    buildpacks: tuple[str, ...] = ()
    cache_since_s: float | None = None


class Build(msgspec.Struct, frozen=True):
    """A fact keyed (app, source, stack, builder). A failure caused by the user is not retried.

    `message`: '' or why it failed, with the tool's own last lines. Times are unix seconds.
    """

    id: BuildId
    app: AppId
    source: Digest
    status: BuildStatus
    stack: str = ""
    slug: Slug | None = None
    message: str = ""
    user_error: bool = True
    started_at_s: float = 0.0
    ended_at_s: float | None = None
    assumed: bool = False
    """only in drafts: the plan goes past a build on an assumed success"""
    taken_over: bool = False
    """its slug was built for another app and promoted: nothing was built for this one"""

    @property
    def cut_off(self) -> bool:
        """It failed through no fault of its source's: tried again under the same id."""
        return self.status == "failed" and not self.user_error

    @property
    def final(self) -> bool:
        """A verdict that stands: the same source would come to the same."""
        return self.status in ("succeeded", "failed") and not self.cut_off


class Release(msgspec.Struct, frozen=True):
    """Numbered, immutable but for its status. Bumps no generation."""

    app: AppId
    version: int
    build: BuildId
    source: Digest
    slug: Slug
    config: dict[str, SecretRef]
    description: str
    change: int
    status: ReleaseStatus = "pending"
    message: str = ""
    created_at_s: float = 0.0
    assumed: bool = False
    commit: str = ""
    """the user's own label of the source"""
    slug_kept: bool = True
    """its layers are still there: it can be gone back to"""

    @property
    def label(self) -> str:
        return f"v{self.version}"
