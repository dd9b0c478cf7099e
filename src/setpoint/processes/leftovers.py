"""Finds what a dead keeper left running when the runtime directory, and every record, is gone too.

Known by how each was started: the command line and, for ours, whose data it serves. An app that
imitates either only gets itself ended.
"""

from collections.abc import Iterator
from pathlib import Path

from setpoint.drivers.local.paths import Paths

OURS = ("supervisor", "edge_agent", "daemon")
"""Not the builder: a build goes on, and the next supervisor adopts it."""


def running(paths: Paths, proc: Path = Path("/proc")) -> Iterator[tuple[str, int]]:
    """(name, pid) of each process of this plane, with or without a record."""
    for folder in proc.iterdir():
        if folder.name.isdigit() and (name := _name(folder, paths)):
            yield name, int(folder.name)


def _name(folder: Path, paths: Paths) -> str:
    """'' for what is not ours, or may not be looked into."""
    argv = _words(folder / "cmdline")
    if argv[1:3] == ["--config-path", str(paths.envoy_admin.parent / "bootstrap.json")]:
        return "envoy"
    name = argv[-1].removeprefix("setpoint.processes.")
    started_by_us = argv[1:3] == ["-I", "-m"] and name in OURS
    serves = f"SETPOINT_DATA={paths.data}"
    return name if started_by_us and serves in _words(folder / "environ") else ""


def _words(file: Path) -> list[str]:
    """At least one; an empty one for a process that has just ended."""
    try:
        return file.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return [""]
