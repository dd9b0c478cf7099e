"""What the builder and the supervisor hand each other when somebody's code must run for a build.

Two kinds of need: a package to be built from source, and commands to be run on a tree. Files in one
folder per build, each written by one side: `needs.json` and what goes in by the builder, what comes
out and endings by the supervisor, for the sandbox that made them. A wheel comes out of there as a
stream: its file name in one line, then its content; a tree as a tar. Who made it may be hostile, so
all of it is data to the builder and mere bytes to the supervisor.
"""

import re
from typing import Literal

import msgspec

from setpoint.model.ids import Digest

NEEDS = "needs.json"
NEEDS_BYTES_MAX = 256 * 1024
NEEDS_MAX = 20
"""in one build"""
SDIST_BYTES_MAX = 128 * 1024 * 1024
WHEEL_BYTES_MAX = 256 * 1024 * 1024
TREE_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""of what a work leaves behind"""
NAME_BYTES_MAX = 256
"""of a wheel's first line"""
COMMANDS_MAX = 20
COMMAND_CHARS_MAX = 4096
SETTINGS_MAX = 50
Configured = Literal["", "env", "files"]
CONFIG_PREFIX = "SETPOINT_CONFIG_"
LAYER = "{layer}"
"""in a setting's value: where the work sees its layer"""

_HEX = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}")
_LABEL = re.compile(r"[\x20-\x7e]{1,200}")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class Package(msgspec.Struct, frozen=True, tag="package"):
    """`sdist`: its sha256. `tools`: the dependency layer with what its build asks for."""

    name: str
    version: str
    sdist: Digest
    tools: Digest

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def key(self) -> Digest:
        """Names its files."""
        return self.sdist

    @property
    def input(self) -> str:
        return f"{self.sdist}.tar.gz"


class Work(msgspec.Struct, frozen=True, tag="work"):
    """Commands to be run on a tree, one after the other, until one fails.

    `key`: hash of the tree and of all that decides what becomes of it. `label`: what is being
    done, for people. `commands`: shell lines. `layer`: a dependency layer, seen as at run time, its
    `bin` first on PATH. `env`: settings beside the sandbox's own; not secret. `configured`: it gets
    the app's config vars, which the supervisor has and the builder has not; as they are ('env'), or
    with `CONFIG_PREFIX` before each name, for who makes files of them ('files').
    """

    key: Digest
    label: str
    commands: tuple[str, ...]
    layer: Digest | None = None
    env: dict[str, str] = {}
    configured: Configured = ""

    @property
    def input(self) -> str:
        return f"{self.key}.tar"


Need = Package | Work


class Ending(msgspec.Struct, frozen=True):
    """How the sandbox of one need ended. `code`: None where nobody knows. `late`: it ran out of
    time. `full`: it filled the disk. `said`: the last lines of its output."""

    code: int | None
    oom: bool = False
    late: bool = False
    said: str = ""
    full: bool = False


COMMAND_FAILED = 100
"""Exit code of a work whose first command failed; 101: its second, and so on."""


def output_file(need: Need) -> str:
    return f"{need.key}.out"


def ending_file(need: Need) -> str:
    return f"{need.key}.json"


def encode(message: tuple[Need, ...] | Ending) -> bytes:
    return msgspec.json.encode(message)


def decode_needs(data: bytes) -> tuple[Need, ...]:
    """Raises ValueError: the reader runs as root, and makes paths of what is in here."""
    needs = msgspec.json.decode(data, type=tuple[Need, ...])
    if not 1 <= len(needs) <= NEEDS_MAX:
        raise ValueError(f"{len(needs)} needs")
    for need in needs:
        match need:
            case Package():
                _check_package(need)
            case Work():
                _check_work(need)
    return needs


def _check_package(package: Package) -> None:
    _require(_HEX, package.sdist, package.tools)
    _require(_WORD, package.name, package.version)


def _check_work(work: Work) -> None:
    _require(_HEX, work.key, *filter(None, (work.layer,)))
    _require(_LABEL, work.label)
    _require(_SETTING, *work.env)
    if not 1 <= len(work.commands) <= COMMANDS_MAX or len(work.env) > SETTINGS_MAX:
        raise ValueError(f"{len(work.commands)} commands, {len(work.env)} settings")
    for text in (*work.commands, *work.env.values()):
        if "\0" in text or len(text) > COMMAND_CHARS_MAX:
            raise ValueError(f"command or setting {text[:80]!r}")


def _require(pattern: re.Pattern[str], *texts: str) -> None:
    for text in texts:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text[:80]!r}")


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
