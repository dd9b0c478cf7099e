"""A project's uv.lock -> exact versions with hashes.

uv itself reads it, beside a pyproject.toml of our own that says nothing but the project's name: so
extras, markers and forks are uv's business, and nothing of the project's own settings reaches it.
Before that it is held against the project's pyproject.toml, and what it takes from anywhere but an
index is refused by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from setpoint.drivers.builders import pyproject, requirements
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.pyproject import Project
from setpoint.drivers.builders.requirements import Requirements
from setpoint.drivers.builders.uv import Uv, told

FILE = "uv.lock"
BYTES_MAX = 8 * 1024 * 1024
HINT = "run `uv lock`, and deploy the uv.lock it writes"

Package = dict[str, Any]
Need = tuple[str, frozenset[str], SpecifierSet]
"""(name, extras, versions) of one dependency"""
_PLACES = {
    "git": "git",
    "url": "a direct address",
    "path": "a file",
    "directory": "a folder",
    "editable": "a folder",
    "virtual": "a folder",
}


@dataclass(frozen=True)
class _Lock:
    """`where`: its path, for messages. `packages`: by name; forks of one are beside each other."""

    where: str
    python: str
    root: Package
    packages: dict[str, list[Package]]


def read(uv: Uv, where: str, data: bytes, project: Project, scratch: Path) -> Requirements:
    """What it installs without development groups, as Heroku does. `scratch`: an empty folder.

    Raises CannotBuild.
    """
    check(where, data, project)
    text = _exported(uv, where, data, project, scratch)
    return requirements.screen(where, {where: text.encode()}.get)


def check(where: str, data: bytes, project: Project) -> None:
    """Is it this project's, in date, and of the index alone? Raises CannotBuild."""
    lock = _parsed(where, data, project)
    _refuse_stale(lock, project)
    for name in _reached(lock):
        for package in lock.packages.get(name, ()):
            _refuse_elsewhere(where, package)


def _parsed(where: str, data: bytes, project: Project) -> _Lock:
    document = pyproject.toml(where, data, BYTES_MAX)
    packages: dict[str, list[Package]] = {}
    roots: list[Package] = []
    for package in _tables(document.get("package")):
        name = str(package.get("name", ""))
        packages.setdefault(name, []).append(package)
        source = pyproject.table(package, "source")
        if name == project.name and "." in (source.get("virtual"), source.get("editable")):
            roots.append(package)
    if not roots:
        raise CannotBuild(f"{where} does not belong to the pyproject.toml beside it", HINT)
    return _Lock(where, str(document.get("requires-python", "")), roots[0], packages)


def _tables(value: object) -> Iterator[Package]:
    yield from (
        (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()
    )


# --- is it the one of this project? --------------------------------------------------------------


def _refuse_stale(lock: _Lock, project: Project) -> None:
    """uv's own check would resolve anew; this compares what the lock says it was made for."""
    known = set(_locked_needs(lock))
    asked = {
        (canonicalize_name(p.name), frozenset(map(canonicalize_name, p.extras)), p.specifier)
        for p in project.parsed
    }
    odd = sorted(need[0] for need in asked ^ known)
    if odd:
        names = ", ".join(dict.fromkeys(odd))
        raise CannotBuild(f"{lock.where} is out of date: pyproject.toml changed for {names}", HINT)


def _locked_needs(lock: _Lock) -> Iterator[Need]:
    metadata = pyproject.table(lock.root, "metadata")
    for entry in _tables(metadata.get("requires-dist")):
        if "extra ==" in str(entry.get("marker", "")):
            continue
        extras = frozenset(canonicalize_name(str(e)) for e in pyproject.listed(entry, "extras"))
        try:
            versions = SpecifierSet(str(entry.get("specifier", "")))
        except InvalidSpecifier:
            raise CannotBuild(f"{lock.where} is broken: {str(entry)[:80]}", HINT) from None
        yield canonicalize_name(str(entry.get("name", ""))), extras, versions


# --- where it takes packages from ----------------------------------------------------------------


def _reached(lock: _Lock) -> Iterator[str]:
    """Names of all that the project needs at run time, itself left out. Extras count in full."""
    seen: set[str] = {str(lock.root.get("name"))}
    left = [lock.root]
    while left:
        for name in _needed(left.pop()):
            if name not in seen:
                seen.add(name)
                left += lock.packages.get(name, ())
                yield name


def _needed(package: Package) -> Iterator[str]:
    optional = pyproject.table(package, "optional-dependencies").values()
    groups = (package.get("dependencies"), *optional)
    for group in groups[:1] if "metadata" in package else groups:
        yield from (str(entry.get("name", "")) for entry in _tables(group))


def _refuse_elsewhere(where: str, package: Package) -> None:
    source, name = pyproject.table(package, "source"), str(package.get("name", ""))
    kind = next((key for key in _PLACES if key in source), "")
    if kind:
        raise CannotBuild(
            f"{where} takes {name} from {_PLACES[kind]} ({str(source[kind])[:120]}), and only "
            "packages of the index are installed",
            f"use a release of {name} from the index, or put its code into the source",
        )


# --- reading it ----------------------------------------------------------------------------------


def _exported(uv: Uv, where: str, data: bytes, project: Project, scratch: Path) -> str:
    (scratch / FILE).write_bytes(data)
    (scratch / pyproject.FILE).write_text(
        f'[project]\nname = "{project.name}"\nversion = "0"\n', encoding="utf-8"
    )
    outcome = uv.run(
        *("export", "--frozen", "--no-default-groups", "--no-emit-project"),
        *("--no-header", "--no-annotate", "--offline", "--format", "requirements.txt"),
        folder=str(scratch),
    )
    if not outcome.ok:
        raise CannotBuild(f"{where} cannot be read by uv", HINT, tool=told(outcome.errors))
    return outcome.output
