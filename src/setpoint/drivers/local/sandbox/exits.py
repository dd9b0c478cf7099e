"""How an instance ended, and clearing away what it leaves on this machine."""

import json
import shutil
from pathlib import Path
from typing import Any

from setpoint.drivers.local.sandbox import identity as identities
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.spec import Identity, folder_name

STATUS_BYTES_MAX = 4096
KILLED = 137


def read_exit(
    confinement: Confinement, app: str, name: str, status: Path
) -> tuple[int, bool] | None:
    """(exit code, ran out of memory), once `open_pidfd` said it ended and before `forget`.

    128 + signal for a signal. None: nobody knows. Either the sandbox was never entered (the output
    then holds bubblewrap's own words, such as a program that isn't there), or `outer` was killed.
    """
    code = _exit_code(status)
    if code is None:
        return None
    groups = confinement.cgroups
    killed = groups is not None and groups.oom_kills(folder_name(app, name)) > 0
    return code, killed and code == KILLED


def forget(
    confinement: Confinement, identity: Identity | None, app: str, name: str, status: Path
) -> bool:
    """Reap it, remove its cgroup and private folder. False while something still dies: repeat.

    The caller's own files (output, status) are the caller's to remove.
    """
    if identity is not None:
        identities.reap(identity)
    shutil.rmtree(private_tmp(status), ignore_errors=True)
    groups = confinement.cgroups
    return groups is None or groups.remove(folder_name(app, name))


def private_tmp(status: Path) -> Path:
    """Where an instance may write at level L0, which has no /tmp of its own."""
    return status.with_name(status.name + ".tmp")


def _exit_code(status: Path) -> int | None:
    """The monitor appends one JSON document per line; the exit code comes last."""
    try:
        with open(status, "rb") as file:
            lines = file.read(STATUS_BYTES_MAX).splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        code = _field(line, "exit-code")
        if code is not None:
            return code
    return None


def _field(line: bytes, name: str) -> int | None:
    try:
        document: Any = json.loads(line)
    except ValueError:
        return None
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, int) else None
