"""Which Python a project asks for, in the files Heroku reads. Pure.

The machine offers one. A wish it cannot meet is a warning on the release, not a failed build.
"""

import re
from collections.abc import Callable

FILES = (".python-version", "runtime.txt")
BYTES_MAX = 1024
_VERSION = re.compile(r"(?:python-)?(\d+(?:\.\d+){0,2})")


def wanted(read: Callable[[str], bytes | None]) -> tuple[str, str] | None:
    """(file, version), or None where nothing readable is said."""
    for name in FILES:
        for line in (read(name) or b"").decode(errors="replace").splitlines():
            if match := _VERSION.fullmatch(line.strip()):
                return name, match[1]
    return None


def warning(wish: tuple[str, str] | None, offered: str) -> tuple[str, ...]:
    """Patch levels are the operating system's business: 3.11 and 3.11.7 both get 3.11.2."""
    if wish is None:
        return ()
    name, version = wish
    asked = version.split(".")[:2]
    if asked == offered.split(".")[: len(asked)]:
        return ()
    return (f"{name} asks for Python {version}; this machine offers {offered}",)
