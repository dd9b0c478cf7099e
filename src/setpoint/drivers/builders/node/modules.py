"""node_modules as a layer: installed once per lock file and Node.js, without running a line of it.

A layer holds the node_modules folders at the paths they have in the project, and nothing else.
Where packages have install scripts, those run on a copy in the app's sandbox; what comes of it is
the app's own layer.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import layers, on_tree, room
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.node import lock, npm
from setpoint.drivers.builders.node.engine import Node
from setpoint.drivers.builders.node.npm import Npm, Outcome, Reason
from setpoint.drivers.builders.node.project import Project
from setpoint.drivers.builders.on_tree import OnTree
from setpoint.formats.handover import LAYER, Work
from setpoint.model.ids import AppId, Digest

MODULES = "node_modules"
PRODUCTION = "--omit=dev"


@dataclass(frozen=True)
class Yard:
    """What it takes to install. `app`: whose sandbox scripts run in."""

    deps: Layers
    folder: Path
    npm: Npm
    stack: str
    app: AppId
    on_tree: OnTree

    def installed(self, project: Project, *, development: bool) -> tuple[Digest, bool]:
        """(the layer, whether it was not there before). Raises CannotBuild."""
        kind = "all" if development else "production"
        content = "\0".join((self.npm.node.key, kind, *flat(project)))
        digest = layers.key(content, self.stack)
        if self.deps.has(digest):
            return digest, False
        with self.deps.scratch() as new:
            self.install(project, new, development=development)
            room.check_folder(new)
            self.deps.put(new, digest)
        return digest, True

    def install(self, project: Project, new: Path, *, development: bool) -> None:
        """Its node_modules in the new folder `new`, and nothing else. Raises CannotBuild."""
        show(project, new)
        options = (*project.options, *(() if development else (PRODUCTION,)))
        _must(self.npm.ci(new, *options), project)
        keep_modules(project, new)

    def scripted(self, project: Project, base: Digest, *, development: bool) -> Digest:
        """The layer once install scripts have run on `base`. Raises CannotBuild, NeedsRunStage."""
        lock = project.lock
        names = sorted({*lock.scripted, *(lock.scripted_dev if development else ())})
        if not names:
            return base
        work = self._work(base, names)
        if self.deps.has(work.key):
            return work.key
        with self.deps.scratch() as made, self.deps.scratch("-tree") as tree:
            merge(self.folder / base, tree)
            show(project, tree)
            self.on_tree.run(work, tree, made)
            keep_modules(project, made)
            self.deps.put(made, work.key)
        return work.key

    def _work(self, base: Digest, names: list[str]) -> Work:
        node = self.npm.node
        command = "npm rebuild --foreground-scripts"
        return Work(
            key=on_tree.key(self.app, self.stack, base, node.key, command),
            label=f"Running install scripts of {', '.join(names)}"[:200],
            commands=(command,),
            layer=node.layer,
            env=settings(node),
        )


def settings(node: Node) -> dict[str, str]:
    """Of everything that runs npm in the sandbox, where there is no network to ask."""
    return {
        "NODE_ENV": "production",
        "npm_config_nodedir": LAYER if node.layer else node.headers,
        "npm_config_offline": "true",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_logs_max": "0",
    }


def show(project: Project, folder: Path) -> None:
    """The screened files, and nothing of the project's own."""
    for name, text in project.shown.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def keep_modules(project: Project, folder: Path) -> None:
    """Away with everything but the node_modules."""
    wanted = {_at(inner) for inner in project.folders}
    for here, folders, files in os.walk(folder):
        inside = os.path.relpath(here, folder)
        for name in files:
            os.unlink(os.path.join(here, name))
        for name in list(folders):
            path = os.path.normpath(os.path.join(inside, name))
            if path in wanted:
                folders.remove(name)
            elif os.path.islink(os.path.join(here, name)):
                os.unlink(os.path.join(here, name))
            elif not any(w.startswith(f"{path}/") for w in wanted):
                shutil.rmtree(os.path.join(here, name))
                folders.remove(name)


def _at(folder: str) -> str:
    return f"{folder}/{MODULES}" if folder else MODULES


def merge(layer: Path, into: Path) -> None:
    """The same files under another name: folders are made, files linked, links copied. What is
    there already stays, and nothing is written through a link: what one meant when it was unpacked
    another layer may have changed. Raises CannotBuild."""
    into.mkdir(mode=0o755, exist_ok=True)
    for here, folders, files in os.walk(layer):
        target = into / os.path.relpath(here, layer)
        for name in (*folders, *files):
            with contextlib.suppress(FileExistsError):
                _add(Path(here, name), target / name)


def _add(source: Path, at: Path) -> None:
    if source.is_symlink():
        at.symlink_to(os.readlink(source))
    elif source.is_dir():
        if at.is_symlink():
            raise CannotBuild(f"packages are to be put into {at.name}, which is a link")
        at.mkdir(mode=0o755)
    else:
        os.link(source, at)


def flat(project: Project) -> list[str]:
    """All that decides what is installed."""
    return [*project.options, *sorted(f"{name}:{text}" for name, text in project.shown.items())]


def _must(outcome: Outcome, project: Project) -> None:
    if outcome.ok:
        return
    where = project.where.replace("package.json", lock.FILE)
    tool = npm.told(outcome.errors)
    match outcome.reason:
        case Reason.OUT_OF_STEP:
            fact = f"{where} is not in step with {project.where}"
            raise CannotBuild(fact, lock.COMMIT, tool=tool)
        case Reason.UNKNOWN_PACKAGE:
            fact = f"{where} names a package or version that the registry does not have"
            raise CannotBuild(fact, tool=tool)
        case Reason.HASH_MISMATCH:
            fact = f"a package is not the one whose hash is recorded in {where}"
            hint = "remove package-lock.json and node_modules, run `npm install` and commit it"
            raise CannotBuild(fact, hint, tool=tool)
        case Reason.REGISTRY_UNREACHABLE | Reason.NOT_CACHED:
            fact = "the package registry cannot be reached"
            hint = "is the network there? the operator sets registry, proxies and certificates"
            raise CannotBuild(fact, hint, tool=tool, user_error=False)
        case Reason.MACHINE:
            raise CannotBuild(f"{where} cannot be installed here", tool=tool, user_error=False)
        case Reason.UNKNOWN:
            raise CannotBuild(f"{where} cannot be installed", tool=tool)
