"""Every Node.js project of a source tree: what it runs on, what it needs, and what is to be run."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from setpoint.drivers.builders import on_tree, tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.node import function, lock, modules, npm, project
from setpoint.drivers.builders.node.engine import Node
from setpoint.drivers.builders.node.engines import Engines
from setpoint.drivers.builders.node.modules import MODULES, Yard
from setpoint.drivers.builders.node.npm import Npm
from setpoint.drivers.builders.node.project import Project
from setpoint.drivers.builders.on_tree import OnTree
from setpoint.drivers.builders.static_site import RUNTIME as STATIC
from setpoint.drivers.builders.workshop import Workshop
from setpoint.formats import package_json
from setpoint.formats.handover import Work
from setpoint.model.ids import Digest
from setpoint.model.release import NODEJS, ProcessType, Wish


@dataclass(frozen=True)
class Part:
    """One project with what was made for it. `modules`: the layer of its node_modules. `runtime`:
    what its functions run on, its web processes on `node` alone. `unmet`: it asked for another."""

    project: Project
    node: Node
    modules: Digest
    runtime: Digest | None
    unmet: Wish | None = None


@dataclass(frozen=True)
class NodeParts:
    """All of a source. `folder`: of dependency layers."""

    parts: tuple[Part, ...]
    warnings: tuple[str, ...]
    folder: Path

    @property
    def unmet(self) -> tuple[Wish, ...]:
        return tuple(dict.fromkeys(part.unmet for part in self.parts if part.unmet is not None))

    @property
    def commands(self) -> tuple[str, ...]:
        """What the build of all of them runs."""
        return tuple(line for part in self.parts for line in part.project.commands)

    @property
    def version(self) -> str:
        return self.parts[0].node.version if self.parts else ""

    def with_layer(self, process: ProcessType) -> ProcessType:
        part = self._of(process)
        layer = part.runtime if process.kind == "function" else part.node.layer
        return structs.replace(process, layer=layer)

    def _of(self, process: ProcessType) -> Part:
        return next(p for p in self.parts if p.project.folder == process.folder)

    @property
    def decisive(self) -> tuple[str, ...]:
        """Beside the source, all that decides what the code layer holds."""
        return tuple(
            text
            for part in self.parts
            for text in (part.project.folder, part.node.key, part.modules, *part.project.commands)
        )

    def merge(self, root: Path) -> None:
        """Raises CannotBuild."""
        for part in self.parts:
            modules.merge(self.folder / part.modules, root / part.project.folder)
        if self.parts and (name := tree.leaving(root)):
            raise CannotBuild(f"the link {name[:80]!r} leaves the source once packages are there")

    def work(self, shop: Workshop, source: str) -> Work | None:
        """What its scripts make of the source with this digest; None where there are none."""
        if not self.commands:
            return None
        request, node = shop.request, self.parts[0].node
        settings = modules.settings(node)
        return Work(
            key=on_tree.key(request.app, request.stack, source, *self.decisive),
            label="Running build scripts",
            commands=self.commands,
            layer=node.layer,
            env={k: v for k, v in settings.items() if k not in shop.configured},
            configured="env",
        )


def prepare(shop: Workshop, root: Path, processes: Iterable[ProcessType]) -> NodeParts:
    """Without running a line of it. The source's own node_modules go.

    Raises CannotBuild, NeedsRunStage.
    """
    wanted = [p for p in processes if p.runtime == NODEJS]
    projects = [project.read(root, folder) for folder in dict.fromkeys(p.folder for p in wanted)]
    if any(p.runtime == STATIC for p in processes):
        projects += _builds_site(root, {found.folder for found in projects})
    folder = shop.layers / "deps"
    if not projects:
        return NodeParts((), (), folder)
    deps = Layers(folder, shop.request.id)
    preparing = _Preparing(shop, root, deps, _engines(shop, deps))
    functions = {p.folder for p in wanted if p.kind == "function"}
    prepared = [preparing.part(found, found.folder in functions) for found in projects]
    warnings = dict.fromkeys(w for _, warned in prepared for w in warned)
    return NodeParts(tuple(part for part, _ in prepared), tuple(warnings), folder)


def function_runtime(shop: Workshop, root: Path) -> tuple[Project, Digest]:
    """(the project of a function in `root`, the layer of what that runs on), and nothing else of a
    build. Raises CannotBuild."""
    found = project.read(root, "")
    deps = Layers(shop.layers / "deps", shop.request.id)
    return found, _Preparing(shop, root, deps, _engines(shop, deps)).runtime(found)


def _builds_site(root: Path, known: set[str]) -> Iterator[Project]:
    """A static site may be made by the scripts of a project that nothing runs afterwards."""
    if "" not in known and all((root / name).exists() for name in (package_json.FILE, lock.FILE)):
        found = project.read(root, "")
        if found.commands:
            yield found


def drop_modules(root: Path) -> None:
    """A site that was made needs them no more."""
    own = root / MODULES
    if own.is_dir() and not own.is_symlink():
        shutil.rmtree(own)


def _engines(shop: Workshop, deps: Layers) -> Engines:
    return Engines(
        shop.uv, shop.python, deps, shop.layers / "deps", shop.request.stack, shop.operator,
        shop.say.topic,
    )  # fmt: skip


@dataclass(frozen=True)
class _Preparing:
    shop: Workshop
    root: Path
    deps: Layers
    engines: Engines

    def part(self, found: Project, functions: bool) -> tuple[Part, tuple[str, ...]]:
        """With what to warn of."""
        node, unmet = self.engines.of(found)
        self._say(f"Using Node.js {node.version}", found.folder)
        left_out = tuple(self._left_out(found))
        yard = self._yard(node)
        development = bool(found.commands)
        base = self._installed(yard, found, development=development)
        made = yard.scripted(found, base, development=development)
        runtime = function.layer(yard, self.shop.say) if functions else None
        return Part(found, node, made, runtime, unmet), left_out

    def runtime(self, found: Project) -> Digest:
        """Of its functions."""
        return function.layer(self._yard(self.engines.of(found)[0]), self.shop.say)

    def _yard(self, node: Node) -> Yard:
        shop = self.shop
        return Yard(
            self.deps,
            shop.layers / "deps",
            Npm(node, npm.environment(shop.operator, shop.npm_cache, node)),
            shop.request.stack,
            shop.request.app,
            OnTree(shop.handover),
        )

    def _installed(self, yard: Yard, found: Project, *, development: bool) -> Digest:
        where = found.where.replace("package.json", "package-lock.json")
        self._say(f"Installing {where} with npm", "")
        digest, made = yard.installed(found, development=development)
        self._detail(f"{found.lock.packages} packages locked")
        self._detail(f"layer {digest[:12]} {'made' if made else 'is already there'}")
        return digest

    def _left_out(self, found: Project) -> Iterator[str]:
        """What is installed comes from the lock file alone."""
        for inner in found.folders:
            own = self.root / found.folder / inner / MODULES
            if own.is_dir() and not own.is_symlink():
                shutil.rmtree(own)
            elif own.is_symlink() or own.exists():
                own.unlink()
            else:
                continue
            where = own.relative_to(self.root)
            yield f"{where} of the source is left out: package-lock.json says what is installed"

    def _say(self, text: str, folder: str) -> None:
        if not self.shop.resumed:
            self.shop.say.topic(f"{text} in {folder}" if folder else text)

    def _detail(self, text: str) -> None:
        if not self.shop.resumed:
            self.shop.say.detail(text)
