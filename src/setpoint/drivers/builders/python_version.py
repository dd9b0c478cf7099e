"""Which Python a project asks for, in the files Heroku reads. Pure.

The machine offers one. A wish it cannot meet is a warning on the release, not a failed build; one
that nobody can read is an error, as it is on Heroku: its author believes to have chosen.
"""

import re
from collections.abc import Callable

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.model.release import Wish
from setpoint.model.text import printable

FILES = (".python-version", "runtime.txt")
BYTES_MAX = 1024
_VERSION = re.compile(r"(?:python-)?(\d{1,2}(?:\.\d{1,3}){0,2})")


def wanted(read: Callable[[str], bytes | None]) -> tuple[str, str] | None:
    """(file, version) of the first file that is there, or None. Raises CannotBuild."""
    for name in FILES:
        data = read(name)
        if data is not None:
            return name, _version(name, data)
    return None


def _version(name: str, data: bytes) -> str:
    """One version, as 3, 3.13 or 3.13.1, with or without `python-`. Lines with # say nothing."""
    lines = [line.strip() for line in data.decode("utf-8-sig", errors="replace").splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    if not said:
        raise _unread(name, "it names no version")
    if len(said) > 1:
        raise _unread(name, f"it names {len(said)} versions, and an app runs on one")
    match = _VERSION.fullmatch(said[0])
    if match is None:
        raise _unread(name, f"{printable(said[0][:40])!r} is no version of Python")
    return match[1]


def _unread(name: str, fact: str) -> CannotBuild:
    form = "python-3.13" if name == "runtime.txt" else "3.13"
    return CannotBuild(f"{name} cannot be read: {fact}", f"write one line in it: {form}")


def unmet(wish: tuple[str, str] | None, offered: str) -> tuple[Wish, ...]:
    """Patch levels are the operating system's business: 3.11 and 3.11.7 both get 3.11.2."""
    if wish is None:
        return ()
    name, version = wish
    asked = version.split(".")[:2]
    if asked == offered.split(".")[: len(asked)]:
        return ()
    told = f"{name} asks for Python {version}; this machine offers {offered}"
    return (Wish("source.python", "python_version", version, offered, told),)
