"""What the builder and the supervisor hand each other when a package must be built from source.

Files in one folder per build, each written by one side: `needs.json` and the sdists by the builder,
wheels and endings by the supervisor, for the sandbox that made them. A wheel comes out of there as
a stream: its file name in one line, then its content. Who built it may be hostile, so all of it is
data to the builder and mere bytes to the supervisor.
"""

import re

import msgspec

from setpoint.model.ids import Digest

NEEDS = "needs.json"
NEEDS_BYTES_MAX = 64 * 1024
PACKAGES_MAX = 20
"""built from source in one build"""
SDIST_BYTES_MAX = 128 * 1024 * 1024
WHEEL_BYTES_MAX = 256 * 1024 * 1024
NAME_BYTES_MAX = 256
"""of a wheel's first line"""

_HEX = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}")


class Package(msgspec.Struct, frozen=True):
    """`sdist`: its sha256. `tools`: the dependency layer with what its build asks for."""

    name: str
    version: str
    sdist: Digest
    tools: Digest

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


class Ending(msgspec.Struct, frozen=True):
    """How one package's build ended. `code`: None where nobody knows. `late`: it ran out of time.

    `said`: the last lines of its output.
    """

    code: int | None
    oom: bool = False
    late: bool = False
    said: str = ""


def sdist_file(package: Package) -> str:
    return f"{package.sdist}.tar.gz"


def wheel_file(package: Package) -> str:
    return f"{package.sdist}.wheel"


def ending_file(package: Package) -> str:
    return f"{package.sdist}.json"


def encode(message: tuple[Package, ...] | Ending) -> bytes:
    return msgspec.json.encode(message)


def decode_needs(data: bytes) -> tuple[Package, ...]:
    """Raises ValueError: the reader runs as root, and makes paths of what is in here."""
    packages = msgspec.json.decode(data, type=tuple[Package, ...])
    if not 1 <= len(packages) <= PACKAGES_MAX:
        raise ValueError(f"{len(packages)} packages")
    for package in packages:
        for digest in (package.sdist, package.tools):
            if not _HEX.fullmatch(digest):
                raise ValueError(f"digest {digest[:80]!r}")
        for word in (package.name, package.version):
            if not _WORD.fullmatch(word):
                raise ValueError(f"name or version {word[:80]!r}")
    return packages


def decode_ending(data: bytes) -> Ending:
    """Raises ValueError."""
    return msgspec.json.decode(data, type=Ending)


def wheel_name(line: bytes, package: Package) -> str | None:
    """The file name in a wheel's first line. None where it is no wheel, or another package's."""
    try:
        name = line.decode("ascii")
    except UnicodeDecodeError:
        return None
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in (5, 6):
        return None
    if not all(re.fullmatch(r"[A-Za-z0-9._+!]{1,100}", part) for part in parts):
        return None
    return name if normalised(parts[0]) == normalised(package.name) else None


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
