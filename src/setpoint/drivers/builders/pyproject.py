"""A project's pyproject.toml -> what it depends on. Pure; what only code could tell is refused."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from setpoint.drivers.builders import requirements
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.requirements import Requirements

FILE = "pyproject.toml"
BYTES_MAX = requirements.BYTES_MAX

Table = dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Project:
    """`name`: normalised, or '' where there is no [project]. `depends`: requirement lines.
    `sourced`: packages that [tool.uv.sources] takes from elsewhere. `packaged`: it is a package
    itself. `foreign`: the table of another tool that names dependencies, or ''."""

    name: str
    depends: tuple[str, ...]
    python: str
    sourced: frozenset[str]
    packaged: bool
    foreign: str

    @property
    def parsed(self) -> tuple[Parsed, ...]:
        return tuple(map(Parsed, self.depends))


def read(where: str, data: bytes) -> Project:
    """Raises CannotBuild."""
    document = toml(where, data, BYTES_MAX)
    project, tools = table(document, "project"), table(document, "tool")
    uv, name = table(tools, "uv"), str(project.get("name", ""))
    if name and not _NAME.fullmatch(name):
        raise CannotBuild(f"{where} cannot be read: {name[:60]!r} is no name of a project")
    if "dependencies" in listed(project, "dynamic"):
        raise CannotBuild(
            f"{where} leaves its dependencies to be computed, which would run its code",
            "list them under [project] dependencies",
        )
    return Project(
        requirements.normalised(name),
        _lines(where, project.get("dependencies", [])),
        str(project.get("requires-python", "")),
        frozenset(map(requirements.normalised, table(uv, "sources"))),
        bool(uv.get("package", "build-system" in document)),
        "[tool.poetry]" if table(tools, "poetry").get("dependencies") else "",
    )


def toml(where: str, data: bytes, bytes_max: int) -> Table:
    """Raises CannotBuild."""
    if len(data) >= bytes_max:
        raise CannotBuild(f"{where} is longer than {bytes_max // 1024} KiB")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise CannotBuild(f"{where} is not UTF-8", "save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotBuild(f"{where} is not TOML: {error}", "mend it, or make it anew") from None


def table(parent: Table, key: str) -> Table:
    child = parent.get(key)
    return child if isinstance(child, dict) else {}


def listed(parent: Table, key: str) -> list[Any]:
    child = parent.get(key)
    return child if isinstance(child, list) else []


def wanted(where: str, project: Project) -> Requirements:
    """Its dependencies, where nothing locks them. Raises CannotBuild."""
    if not project.depends and project.foreign:
        raise CannotBuild(
            f"its dependencies are in {project.foreign} of {where}, which is not read",
            "list them under [project] dependencies, or in requirements.txt",
        )
    for parsed in project.parsed:
        if requirements.normalised(parsed.name) in project.sourced:
            raise CannotBuild(
                f"{where} takes {parsed.name} from [tool.uv.sources], and only packages of the "
                "index are installed",
                f"use a release of {parsed.name} from the index, or put its code into the source",
            )
    return requirements.listed(f"{where} [project] dependencies", project.depends)


def check_python(where: str, wish: str, offered: str) -> None:
    """Raises CannotBuild: what its author excludes is not tried."""
    try:
        fits = SpecifierSet(wish).contains(offered, prereleases=True)
    except InvalidSpecifier:
        raise CannotBuild(
            f"{where} cannot be read: requires-python {wish[:40]!r} is no bound of versions",
            'write it like: requires-python = ">=3.11"',
        ) from None
    if not fits:
        raise CannotBuild(
            f"{where} requires Python {wish}; this machine offers {offered}",
            "widen requires-python, or ask the operator for another Python (SETPOINT_PYTHON)",
        )


def _lines(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise CannotBuild(f"{where} cannot be read: [project] dependencies is no list of texts")
    lines = tuple(" ".join(str(line).split()) for line in value)
    for line in lines:
        try:
            Parsed(line)
        except InvalidRequirement:
            raise CannotBuild(
                f"{where} cannot be read: {line[:80]!r} is no dependency",
                "write names like flask>=3",
            ) from None
    return lines
