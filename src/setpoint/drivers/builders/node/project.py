"""One Node.js project of a source tree: its package.json and its lock file, read and screened."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setpoint.drivers.builders import tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.node import lock, script
from setpoint.drivers.builders.node.lock import Lock
from setpoint.formats import package_json
from setpoint.formats.package_json import Manifest
from setpoint.model.errors import Invalid

Read = Callable[[str], bytes | None]

SETTINGS = ".npmrc"
SETTINGS_BYTES_MAX = 64 * 1024
_LEGACY = re.compile(rb"^\s*legacy-peer-deps\s*=\s*true\s*$", re.MULTILINE)
"""The one setting without which a lock file that was made with it cannot be read."""

_SHOWN = (
    *("name", "version", "private", "dependencies", "devDependencies", "optionalDependencies"),
    *("peerDependencies", "peerDependenciesMeta", "bundleDependencies", "overrides", "workspaces"),
    "allowScripts",
)
"""of a package.json, to npm: no scripts, no settings"""


@dataclass(frozen=True)
class Project:
    """`folder`: of the source, '' for its root. `shown`: what npm gets to see, by path inside.
    `options`: of npm, that the project asks for and that do no harm."""

    folder: str
    manifest: Manifest
    lock: Lock
    shown: Mapping[str, str]
    options: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return _inside(self.folder, package_json.FILE)

    @property
    def commands(self) -> tuple[str, ...]:
        """What its build runs, from the root of the source."""
        return script.commands(self.manifest.scripts, self.folder)

    @property
    def folders(self) -> tuple[str, ...]:
        """Those that get a node_modules: its own, and its workspaces'."""
        return ("", *self.lock.folders)


def read(root: Path, folder: str) -> Project:
    """Raises CannotBuild."""
    for name, tool in lock.OTHERS.items():
        if (root / folder / name).exists() and not (root / folder / lock.FILE).exists():
            where = _inside(folder, name)
            raise CannotBuild(
                f"its dependencies are locked by {tool} in {where}, and only npm's {lock.FILE} "
                "can be read",
                f"run `npm install --package-lock-only` and commit {_inside(folder, lock.FILE)}",
            )
    return of(lambda name: tree.read(root, name, lock.BYTES_MAX + 1), folder)


def of(read: Read, folder: str) -> Project:
    """`read` gives a file's bytes by its path inside the source, or None. Raises CannotBuild."""
    where = _inside(folder, lock.FILE)
    manifest = _manifest(read, folder)
    data = read(where)
    if data is None:
        raise CannotBuild(
            f"there is no {where}, so nobody could tell which versions to install",
            f"run `npm install --package-lock-only` and commit {where}",
        )
    screened = lock.screen(data, where)
    shown = {
        package_json.FILE: _sanitised(manifest, (*screened.scripted, *screened.scripted_dev)),
        lock.FILE: screened.text,
        **{
            f"{inner}/{package_json.FILE}": _sanitised(_manifest(read, _inside(folder, inner)))
            for inner in screened.folders
        },
    }
    for inner in ("", *screened.folders):
        name = _inside(inner, package_json.FILE)
        lock.check_manifest(json.loads(shown[name]), screened, inner, _inside(folder, name))
    settings = read(_inside(folder, SETTINGS)) or b""
    options = ("--legacy-peer-deps",) if _LEGACY.search(settings[:SETTINGS_BYTES_MAX]) else ()
    return Project(folder, manifest, screened, shown, options)


def _manifest(read: Read, folder: str) -> Manifest:
    where = _inside(folder, package_json.FILE)
    data = read(where)
    if data is None:
        raise CannotBuild(f"there is no {where} in the source", "run `npm install` and commit it")
    try:
        return package_json.parse(data.decode("utf-8-sig"), where)
    except UnicodeDecodeError:
        raise CannotBuild(f"{where} is not UTF-8", "save it as UTF-8") from None
    except Invalid as error:
        raise CannotBuild(error.message.removeprefix("cannot read "), error.hint) from None


def _sanitised(manifest: Manifest, scripted: tuple[str, ...] = ()) -> str:
    """`scripted`: packages whose install scripts may run, where the project does not forbid them:
    they run in its sandbox, where newer npms would leave them out."""
    shown: dict[str, Any] = {k: v for k, v in manifest.document.items() if k in _SHOWN}
    said = shown.pop("allowScripts", {})
    if scripted:
        said = said if isinstance(said, dict) else {}
        shown["allowScripts"] = {**dict.fromkeys(scripted, True), **said}
    return json.dumps(shown, sort_keys=True)


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
