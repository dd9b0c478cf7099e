"""The interpreter that apps run on, and the stack it makes: what layers are bound to."""

import hashlib
import os
import stat as modes
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from setpoint.model.errors import Terminal

OLDEST = (3, 11)
ASK_S_MAX = 20.0
WISH = "SETPOINT_PYTHON"
"""The operator's choice of interpreter."""

_ASK = """
import json, platform, sys, sysconfig
print(json.dumps({
    "path": sys.argv[1], "version": sys.version_info[:3], "build": sys.version,
    "prefix": sys.base_prefix,
    "library": sysconfig.get_path("stdlib"), "abi": sysconfig.get_config_var("SOABI") or "",
    "cache_tag": sys.implementation.cache_tag or "",
    "machine": platform.machine(), "libc": " ".join(platform.libc_ver()),
}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """`path`: the versioned executable itself, links followed, so that an upgrade of the operating
    system cannot swap it silently. A sandbox needs `prefix` to run it. `cache_tag`: in the names of
    its bytecode, or ''."""

    path: str
    version: tuple[int, int, int]
    build: str
    prefix: str
    library: str
    abi: str
    cache_tag: str
    machine: str
    libc: str

    @property
    def label(self) -> str:
        return ".".join(map(str, self.version))


def candidates(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The operator's wish alone, or the machine's own Pythons before the one we run on."""
    if wish := environment.get(WISH):
        return (wish,)
    return ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable)


def find_python(among: Iterable[str], *, shared: bool = True) -> str:
    """The first that is new enough and, if `shared`, that any user may run. A real path.

    Raises Terminal, with each candidate's flaw: doctor prints it as it is.
    """
    flaws: list[str] = []
    for candidate in among:
        flaw = _flaw(candidate, shared=shared)
        if not flaw:
            return os.path.realpath(candidate)
        flaws.append(f"{candidate} {flaw}")
    oldest = ".".join(map(str, OLDEST))
    raise Terminal(
        f"cannot find a Python for apps: {'; '.join(flaws) or 'nothing was looked at'}",
        f"install python3 {oldest} or newer for all users, or name one with {WISH}=/path/python3",
    )


def _flaw(candidate: str, *, shared: bool) -> str:
    if not os.access(candidate, os.X_OK):
        return "is not there"
    try:
        found = interpreter(os.path.realpath(candidate))
    except Terminal as error:
        return error.message.partition(": ")[2]
    if found.version < OLDEST:
        return f"is Python {found.label}"
    if shared:
        for path in (found.path, found.library):
            if closed := _closed_to_others(Path(path)):
                return f"is not for apps, which run as users of their own: {closed} is closed"
    return ""


def _closed_to_others(path: Path) -> Path | None:
    """The first folder on the way (or `path` itself) that other users cannot pass."""
    for step in (*reversed(path.parents), path):
        if not step.stat().st_mode & modes.S_IXOTH:
            return step
    return None


@cache
def interpreter(path: str) -> Interpreter:
    """Asks the interpreter about itself, once per process. Raises Terminal when it cannot say."""
    try:
        answer = subprocess.run(
            [path, "-I", "-S", "-c", _ASK, path],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_S_MAX,
            check=True,
        )
        return msgspec.json.decode(answer.stdout, type=Interpreter)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise Terminal(f"cannot use {path}: it does not run ({type(error).__name__})") from None


def stack(python: str) -> str:
    """Readable and exact: `debian-12-py3.11-` and a hash of OS release, libc, interpreter build
    and architecture. Layers made on one stack run on no other."""
    found = interpreter(os.path.realpath(python))
    system = _os_release(Path("/etc/os-release"))
    key = "\0".join((system, found.libc, found.build, found.abi, found.machine, found.path))
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{system}-py{found.version[0]}.{found.version[1]}-{digest}"


def _os_release(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "linux"
    pairs = (line.partition("=") for line in lines)
    fields = {key: value for key, _, value in pairs}
    parts = (fields.get(key, "").strip("\"'") for key in ("ID", "VERSION_ID"))
    return "-".join(filter(None, parts)) or "linux"
