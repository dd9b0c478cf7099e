"""Which Node.js there is, and which one a project gets.

The machine's own where it is new enough and what the project asks for; else one of a few versions
published as wheels, held to by hash and laid down as a layer the first time somebody needs it.
What cannot be had is a warning on the release, as with Python; what means nothing is refused.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.model.ids import Digest
from setpoint.model.release import Wish

T = TypeVar("T")

OLDEST = 20
ASK_S_MAX = 20.0
WISH = "SETPOINT_NODE"
WHEEL = "wheel"
"""as the operator's wish: the machine's own is left aside"""
SYSTEM = Path("/usr")
"""every sandbox shows it, and every user may run what is in there"""
RANGE_CHARS_MAX = 256
DEFAULT = 24
"""the major of the wheel where nothing is asked for and the machine has none: long-term support"""

_LOOK = """
const v = process.versions;
console.log(JSON.stringify({version: v.node, abi: v.modules}));
"""
_CHOOSE = """
const semver = require("module").createRequire(process.argv[1])("semver");
const [range, ...offered] = process.argv.slice(2);
const valid = semver.validRange(range) !== null;
let lowest = null;
try { lowest = valid ? semver.minVersion(range) : null } catch {}
const first = valid ? offered.findIndex(v => semver.satisfies(v, range)) : -1;
const above = offered.filter(v => valid && semver.gtr(v, range));
console.log(JSON.stringify({valid, possible: lowest !== null, first, above}));
"""


@dataclass(frozen=True)
class Node:
    """`path`: the program. `npm`: its npm-cli.js. `layer`: that it lies in, or None for the
    machine's own."""

    path: str
    npm: str
    version: str
    abi: str
    layer: Digest | None = None

    @property
    def key(self) -> str:
        """What layers made with it depend on."""
        return f"node {self.version} {self.abi} {self.layer or self.path}"

    @property
    def headers(self) -> str:
        """Where node-gyp finds them."""
        return os.path.dirname(os.path.dirname(self.path))


class _Looked(msgspec.Struct, frozen=True):
    version: str
    abi: str


class _Chosen(msgspec.Struct, frozen=True):
    """`first`: of what is offered, -1 for none. `above`: offered, and newer than asked for."""

    valid: bool
    possible: bool
    first: int
    above: tuple[str, ...]


def machines_own(operator: Mapping[str, str]) -> Node | None:
    """None where there is none that is new enough and that every app could run."""
    found = shutil.which("node", path="/usr/local/bin:/usr/bin:/bin")
    if not found or operator.get(WISH) == WHEEL:
        return None
    node = at(os.path.realpath(found), os.path.join(os.path.dirname(found), "npm"))
    if node is None or not Path(node.path).is_relative_to(SYSTEM):
        return None
    return node if _major(node.version) >= OLDEST else None


def at(path: str, npm: str) -> Node | None:
    """The one there, or None where it or its npm does not run."""
    cli = os.path.realpath(npm)
    looked = _look(path)
    if looked is None or not os.path.isfile(cli):
        return None
    return Node(path, cli, looked.version, looked.abi)


@cache
def _look(path: str) -> _Looked | None:
    return _ask((path, "-e", _LOOK), _Looked)


@dataclass(frozen=True)
class Choice:
    """`version`: of those offered. `unmet`: what was asked for, where that is another one."""

    version: str
    unmet: Wish | None = None


def choose(node: Node, engine: str, offered: Iterable[str], where: str) -> Choice:
    """What a project gets that asks for `engine` (engines.node), `offered` in order of preference.

    `node`: any, to ask its npm what the range means. Raises CannotBuild.
    """
    versions = tuple(offered)
    if not engine.strip():
        return Choice(versions[0])
    if len(engine) > RANGE_CHARS_MAX or not engine.isprintable():
        raise _no_range(where, engine)
    argv = (node.path, "-e", _CHOOSE, "--", node.npm, engine, *versions)
    chosen = _ask(argv, _Chosen)
    if chosen is None:
        raise CannotBuild("Node.js cannot be asked what engines.node means", user_error=False)
    if not chosen.valid:
        raise _no_range(where, engine)
    if not chosen.possible:
        raise CannotBuild(
            f"{where} asks for Node.js {engine!r}, which no version can satisfy",
            'write a range such as "22.x" into engines.node',
        )
    if chosen.first >= 0:
        return Choice(versions[chosen.first])
    nearest = min(chosen.above or versions, key=_numbers)
    if not chosen.above:
        nearest = max(versions, key=_numbers)
    told = (
        f"{where} asks for Node.js {engine}; it gets {nearest}, the nearest of what is offered "
        f"({', '.join(sorted(set(versions), key=_numbers))})"
    )
    return Choice(nearest, Wish("source.node", "node_versions", engine, nearest, told))


def _no_range(where: str, engine: str) -> CannotBuild:
    return CannotBuild(
        f"{where}: engines.node {engine[:60]!r} is not a range of versions",
        'write one such as "22.x" or ">=20"',
    )


def _ask(argv: tuple[str, ...], kind: type[T]) -> T | None:
    """Its answer in JSON, or None where it does not run."""
    try:
        answer = subprocess.run(
            argv,
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_S_MAX,
            check=True,
        )
        return msgspec.json.decode(answer.stdout, type=kind)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _major(version: str) -> int:
    return _numbers(version)[0]


# --- versions published as wheels ----------------------------------------------------------------


@dataclass(frozen=True)
class Wheel:
    """`text`: requirements with one version and its hashes."""

    version: str
    text: str


def _wheel(path: Path) -> Wheel:
    text = path.read_text(encoding="utf-8")
    return Wheel(text.partition("==")[2].split()[0], text)


def _preference(wheel: Wheel) -> tuple[bool, int]:
    """The default first, then from new to old."""
    return _major(wheel.version) != DEFAULT, -_major(wheel.version)


WHEELS = tuple(
    sorted(map(_wheel, Path(__file__).with_name("versions").glob("*.txt")), key=_preference)
)
"""Read when this is imported: the builder gives up root later."""


def offered(operator: Mapping[str, str]) -> tuple[str, ...]:
    """Versions in order of preference: the machine's own, then those that can be fetched."""
    own = machines_own(operator)
    return (*((own.version,) if own is not None else ()), *(wheel.version for wheel in WHEELS))


def in_layer(folder: Path, digest: Digest) -> Node | None:
    node = at(str(folder / "bin/node"), str(folder / "bin/npm"))
    return None if node is None else replace(node, layer=digest)
