"""What an sdist says of itself, read without running a line of it.

The resolver would run its build to learn what it depends on. Here it is read instead: the metadata
packed with it, and where that is silent, what setuptools wrote down when it was packed. What only
its code knows comes out when it has been built, and is an error then.
"""

import email.parser
import re
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setpoint.drivers.builders import archive, requirements
from setpoint.drivers.builders.archive import MIB, Limits
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.requirements import Requirements

FILE_BYTES_MAX = MIB
LIMITS = Limits(packed_bytes=128 * MIB, unpacked_bytes=1024 * MIB)
DEFAULT = ("setuptools>=40.8.0", "wheel")
"""what builds a package that has no [build-system]"""
_READ = re.compile(r"[^/]+/(PKG-INFO|pyproject\.toml|(?:[^/]+/)?[^/]+\.egg-info/requires\.txt)")
_SECTION = re.compile(r"\[([^\]:]*):?([^\]]*)\]")


@dataclass(frozen=True)
class Declared:
    """`needs`: Requires-Dist lines. `python`: Requires-Python, or ''. `tools`: for its build."""

    needs: tuple[str, ...]
    extras: tuple[str, ...]
    python: str
    tools: Requirements


def read(sdist: Path, label: str) -> Declared:
    """Raises CannotBuild."""
    files = _files(sdist, label)
    metadata = email.parser.HeaderParser().parsestr(files.get("PKG-INFO", ""))
    needs = tuple(_line(v) for v in metadata.get_all("Requires-Dist", ()))
    return Declared(
        needs or _needs_of_setuptools(files.get("requires.txt", "")),
        tuple(_line(v) for v in metadata.get_all("Provides-Extra", ())),
        _line(metadata.get("Requires-Python", "")),
        _tools(files.get("pyproject.toml", ""), label),
    )


def _files(sdist: Path, label: str) -> dict[str, str]:
    """The few files that are read, by their last name."""
    found: dict[str, str] = {}
    with sdist.open("rb") as raw, archive.opened(raw, LIMITS, label) as tar:
        for count, member in enumerate(tar):
            if count > LIMITS.entries:
                raise CannotBuild(f"{label} holds more than {LIMITS.entries} files")
            wanted = _READ.fullmatch(member.name.removeprefix("./"))
            if wanted and member.isreg():
                found.setdefault(wanted[1].rpartition("/")[2], _text(tar, member, label))
    return found


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo, label: str) -> str:
    if member.size > FILE_BYTES_MAX:
        raise CannotBuild(f"{member.name[:80]!r} of {label} is over {FILE_BYTES_MAX // MIB} MiB")
    content = tar.extractfile(member)
    assert content is not None
    return content.read().decode("utf-8", errors="replace")


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _needs_of_setuptools(text: str) -> tuple[str, ...]:
    """requires.txt: sections are extras, markers, or an extra with a marker."""
    needs: list[str] = []
    markers = ""
    for line in filter(None, (_line(raw) for raw in text.splitlines())):
        if section := _SECTION.fullmatch(line):
            extra = f'extra == "{section[1]}"' if section[1] else ""
            both = (extra, f"({section[2]})" if section[2] else "")
            markers = " and ".join(filter(None, both))
        else:
            needs.append(f"{line} ; {markers}" if markers else line)
    return tuple(needs)


def _tools(pyproject: str, label: str) -> Requirements:
    """Screened like a project's own requirements: packages of the index and nothing else."""
    try:
        system: Any = tomllib.loads(pyproject).get("build-system", {})
        asked = tuple(str(line) for line in system.get("requires", DEFAULT))
        legacy = "setuptools" in str(system.get("build-backend", "setuptools"))
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise CannotBuild(f"{label} cannot be built: its pyproject.toml is broken") from error
    # Older setuptools ask for it only once they run.
    lines = (*asked, "wheel") if legacy and asked else asked
    text = "".join(f"{_line(line)}\n" for line in dict.fromkeys(lines))
    where = f"what {label} is built with"
    return requirements.screen(where, {where: text.encode()}.get)
