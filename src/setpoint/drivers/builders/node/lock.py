"""A project's package-lock.json, screened before any tool sees it. Pure.

npm would run git, fetch any address, follow links out of the tree and install what has no hash. So
only packages of the registry get through, each with its hash, and folders inside the source; every
address is left out, so that the operator's registry is asked. All else is refused by name.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from setpoint.drivers.builders.errors import CannotBuild

FILE = "package-lock.json"
BYTES_MAX = 16 * 1024 * 1024
PACKAGES_MAX = 20_000
OTHERS = {"yarn.lock": "Yarn", "pnpm-lock.yaml": "pnpm", "bun.lock": "Bun", "bun.lockb": "Bun"}
_WORKSPACE = "name folders of the source, such as packages/*"
COMMIT = "run `npm install` and commit package-lock.json"

_KEPT = (
    *("name", "version", "integrity", "license", "bin", "engines", "os", "cpu", "libc"),
    *("dev", "optional", "devOptional", "peer", "inBundle", "hasInstallScript"),
    *("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"),
    *("peerDependenciesMeta", "bundleDependencies", "workspaces", "link"),
)
"""not `hasShrinkwrap`: npm would follow the addresses of a lock file inside the package"""
_OURS = frozenset({"package.json", FILE, ".npmrc"})
"""No folder of the source may lie where npm reads files, which are ours to write."""
_ASKED = ("dependencies", "optionalDependencies")
_NEEDS = (*_ASKED, "devDependencies", "peerDependencies")
_HASH = re.compile(r"(?:sha512|sha384|sha256|sha1)-[A-Za-z0-9+/]+=*(?: sha\d+-[A-Za-z0-9+/]+=*)*")
_PACKAGE = re.compile(r"(?:@[A-Za-z0-9~_.-]+/)?[A-Za-z0-9~_.-]+")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,255}")
_PATTERN = re.compile(r"!?(?![/~])(?:(?!\.\.)[^{}\\\0])+")
"""of a package.json's workspaces: below its folder, and nothing that could turn into `..`"""
_FOLDER = re.compile(r"(?:file:)?(\.{0,2}/.*|\.{1,2})|file:(.*)")

Entry = dict[str, Any]


@dataclass(frozen=True)
class Lock:
    """`text`: what npm is shown. `folders`: of the source, that packages are links to.
    `scripted`: packages with install scripts that are needed at run time; `scripted_dev`: others.
    """

    text: str
    packages: int
    folders: tuple[str, ...]
    scripted: tuple[str, ...]
    scripted_dev: tuple[str, ...]


def screen(data: bytes, where: str = FILE) -> Lock:
    """Raises CannotBuild; `where` names the file in it."""
    document = _document(data, where)
    _check_version(document, where)
    packages = _packages(document, where)
    screening = _Screening(where, packages)
    kept = {path: screening.entry(path, entry) for path, entry in packages.items()}
    shown = {
        **{k: document[k] for k in ("name", "version", "lockfileVersion") if k in document},
        "requires": True,
        "packages": kept,
    }
    modules = {p: e for p, e in kept.items() if _is_module(p) and not e.get("link")}
    return Lock(
        json.dumps(shown, sort_keys=True),
        len(modules),
        tuple(p for p in kept if p and not _is_module(p)),
        *_scripted(modules),
    )


def _document(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > BYTES_MAX:
        raise CannotBuild(f"{where} is longer than {BYTES_MAX // (1024 * 1024)} MiB")
    try:
        document: object = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        fact = "is nested too deeply" if isinstance(error, RecursionError) else f"({error})"
        raise CannotBuild(f"{where} is not JSON {fact}", COMMIT) from None
    if not isinstance(document, dict):
        raise CannotBuild(f"{where} is not a lock file of npm", COMMIT)
    return cast("dict[str, Any]", document)


def _check_version(document: dict[str, Any], where: str) -> None:
    version = document.get("lockfileVersion")
    if version not in (2, 3):
        shown = "unknown" if version is None else repr(version)[:20]
        raise CannotBuild(
            f"{where} is of lockfileVersion {shown}, and 2 and 3 are read",
            "run `npm install` with npm 7 or newer, and commit package-lock.json",
        )


def _packages(document: dict[str, Any], where: str) -> dict[str, Entry]:
    packages: object = document.get("packages")
    if not isinstance(packages, dict) or not isinstance(packages.get(""), dict):
        raise CannotBuild(f"{where} lists no packages", COMMIT)
    if len(packages) > PACKAGES_MAX:
        raise CannotBuild(f"{where} lists more than {PACKAGES_MAX} packages")
    for path, entry in packages.items():
        if not isinstance(entry, dict):
            raise CannotBuild(f"{where}: {str(path)[:80]!r} is not a package", COMMIT)
    return cast("dict[str, Entry]", packages)


def _scripted(modules: Mapping[str, Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(needed at run time, for development only)."""
    found = {p: e for p, e in modules.items() if e.get("hasInstallScript")}
    dev = {p for p, e in found.items() if e.get("dev")}
    return _names(p for p in found if p not in dev), _names(dev)


def _names(paths: Iterator[str] | set[str]) -> tuple[str, ...]:
    return tuple(sorted({path.rpartition("node_modules/")[2] for path in paths}))


def _is_module(path: str) -> bool:
    return path.startswith("node_modules/") or "/node_modules/" in path


def check_manifest(shown: Mapping[str, Any], lock: Lock, folder: str, where: str) -> None:
    """What npm sees of the package.json in `folder`. It need not agree with the lock file, and what
    that one lacks npm would fetch from wherever this one says. Raises CannotBuild."""
    screening = _Screening(where, {key: {} for key in ("", *lock.folders)})
    for key in (*_NEEDS, "overrides"):
        if not isinstance(shown.get(key, {}), dict):
            raise CannotBuild(f"{where}: {key} is not a JSON object")
    for name, spec in (*_specs(shown, _NEEDS), *_overrides(shown.get("overrides", {}))):
        screening.check_spec(folder, name, spec)
    workspaces: Any = shown.get("workspaces", [])
    patterns: Any = workspaces.get("packages", []) if isinstance(workspaces, dict) else workspaces
    for pattern in patterns if isinstance(patterns, list) else (patterns,):
        if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
            raise CannotBuild(f"{where}: no workspace can be {str(pattern)[:80]!r}", _WORKSPACE)


def _overrides(rules: dict[str, object]) -> Iterator[tuple[str, object]]:
    left = [rules]
    while left:
        for name, rule in left.pop().items():
            if isinstance(rule, dict):
                left.append(cast("dict[str, object]", rule))
            elif not (isinstance(rule, str) and rule.startswith("$")):
                yield name, rule


@dataclass(frozen=True)
class _Screening:
    where: str
    packages: Mapping[str, Entry]

    def entry(self, path: str, entry: Entry) -> Entry:
        """What npm is shown of one package."""
        if path:
            self._check_path(path)
        for name, spec in _specs(entry, _ASKED if _is_module(path) else _NEEDS):
            self.check_spec(path, name, spec)
        kept = {key: entry[key] for key in _KEPT if key in entry}
        if not _is_module(path):
            return kept
        self._check_name(path, entry.get("name", ""))
        kept |= _of_peers(entry)
        if entry.get("link"):
            return {**kept, "resolved": self._target(path, entry)}
        self._check_module(path, entry)
        return kept

    def _check_path(self, path: str) -> None:
        odd = any(p in ("", ".", "..") or len(p) > 200 for p in path.split("/"))
        odd = odd or not _OURS.isdisjoint(path.partition("node_modules/")[0].split("/"))
        if odd or "\\" in path or not path.isprintable() or len(path) > 1000:
            raise CannotBuild(f"{self.where}: {path[:80]!r} lies outside the source", COMMIT)
        if _is_module(path):
            self._check_name(path, path.rpartition("node_modules/")[2])
        elif "node_modules" in path.split("/"):
            raise CannotBuild(f"{self.where}: {path[:80]!r} is no folder for a package", COMMIT)

    def _check_name(self, path: str, name: object) -> None:
        """npm makes an address of it."""
        fits = isinstance(name, str) and not name.startswith(".") and _PACKAGE.fullmatch(name)
        if name != "" and not fits:
            raise CannotBuild(f"{self.where}: {path[:80]!r} is no name of a package", COMMIT)

    def check_spec(self, path: str, name: str, spec: object) -> None:
        if not isinstance(spec, str):
            raise CannotBuild(f"{self.where}: the version of {name[:80]!r} is no text", COMMIT)
        if _of_registry(spec) or self._is_folder(path, name, spec):
            return
        shown = f"{name[:80]!r} from {spec[:80]!r}"
        raise CannotBuild(
            f"{self.where} asks for {shown}, which is not a package of the registry",
            "name a version that is published there, or put its code into the source as a "
            "workspace",
        )

    def _is_folder(self, path: str, name: str, spec: str) -> bool:
        """A folder of the source, named by the source itself."""
        match = _FOLDER.fullmatch(spec)
        if match is None or _is_module(path):
            return False
        target = posixpath.normpath(posixpath.join(path, match[1] or match[2]))
        return target in self.packages and not _is_module(target)

    def _target(self, path: str, entry: Entry) -> str:
        target = entry.get("resolved")
        if not isinstance(target, str) or target not in self.packages or _is_module(target):
            raise CannotBuild(
                f"{self.where}: {path[:80]!r} is a link that leaves the source",
                "put that folder into the source, or name a version of the registry",
            )
        return target

    def _check_module(self, path: str, entry: Entry) -> None:
        name = path.rpartition("node_modules/")[2]
        resolved, version = entry.get("resolved"), entry.get("version")
        if isinstance(resolved, str) and not resolved.startswith(("https://", "http://")):
            raise CannotBuild(
                f"{self.where}: {name} comes from {resolved[:80]!r}, not from the registry",
                "name a version that is published there",
            )
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise CannotBuild(f"{self.where}: {name} has no version", COMMIT)
        if entry.get("inBundle") and self._is_bundled(path):
            return  # it lies in another package, whose hash covers it
        integrity = entry.get("integrity")
        if not isinstance(integrity, str) or not _HASH.fullmatch(integrity):
            raise CannotBuild(
                f"{self.where}: {name} {version} has no integrity, so nobody could tell what is "
                "installed",
                "remove package-lock.json and node_modules, run `npm install` and commit it",
            )

    def _is_bundled(self, path: str) -> bool:
        """By npm's rule: the mark alone says nothing, and npm would fetch it."""
        parts = path.split("/node_modules/")
        above = ("/node_modules/".join(parts[:n]) for n in range(1, len(parts)))
        return any(
            _is_module(p) and self.packages.get(p, {}).get("bundleDependencies") for p in above
        )


def _of_peers(entry: Entry) -> Entry:
    """Those of the registry. npm would fetch any other where it is missing."""
    kept = {
        name: spec
        for name, spec in _specs(entry, ("peerDependencies",))
        if isinstance(spec, str) and _of_registry(spec)
    }
    return {"peerDependencies": kept} if kept or "peerDependencies" in entry else {}


def _specs(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for key in keys:
        needs: object = entry.get(key, {})
        if isinstance(needs, dict):
            yield from cast("dict[str, object]", needs).items()


def _of_registry(spec: str) -> bool:
    """A range, a tag, or another package's name: nothing with an address or a path in it."""
    if spec.startswith("npm:"):
        alias = spec[4:]
        name, _, spec = alias.rpartition("@") if "@" in alias[1:] else (alias, "", "")
        if not _PACKAGE.fullmatch(name):
            return False
    return not any(c in spec for c in "/:\\\0") and not spec.startswith((".", "~/"))
