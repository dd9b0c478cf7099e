"""What the caller decides about one start, and what identifies it afterwards. Values only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from setpoint.model.errors import Terminal
from setpoint.model.process import Endpoint

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True)
class Launch:
    """Everything about one start, decided by the caller. Bytes, counts.

    `name`: instance id; with `app` it names the cgroup. `binds`: (host path, path inside),
    read-only. `uid`: host uid and gid, from `Confinement.uids`, or None for our own.
    `netns`: what `prepare_app` answered. `output`: FIFO for stdout and stderr. `status`: where the
    exit code will be written. `fds`: host descriptor -> number inside. `ingress`: what `endpoint`
    answered, for instances that listen on a port; a relay is started when it asks for one.
    `writable`: as `binds`, to be written to. `stdin`: else it reads nothing. `terminal`: in place
    of all three standard streams.
    """

    name: str
    app: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    binds: tuple[tuple[Path, str], ...]
    uid: int | None
    memory_bytes_max: int
    pids_max: int
    cpu_weight: int
    netns: Path | None
    output: Path
    status: Path
    fds: Mapping[int, int]
    hostname: str
    ingress: Endpoint | None = None
    writable: tuple[tuple[Path, str], ...] = ()
    stdin: int | None = None
    terminal: int | None = None

    @property
    def folder(self) -> str:
        return folder_name(self.app, self.name)


class Identity(msgspec.Struct, frozen=True):
    """One running instance: host pids with their start times (clock ticks since boot).

    `inner` is init of the sandbox's pid namespace: with it everything inside ends. `outer` watches
    it and writes the exit code; 0 if it is gone. Pids are reused, (pid, start) pairs are not.
    `group`: of one forked inside another's sandbox, the cgroup that holds all of it; `inner` is
    then its first process. `name`: what it was started as, where it has another name now.
    """

    inner_pid: int
    inner_start: int
    outer_pid: int
    outer_start: int
    group: str = ""
    name: str = ""


def folder_name(app: str, name: str) -> str:
    """Names a cgroup folder and marks the process. Refuses what could leave a folder."""
    for part in (app, name):
        if not _NAME.match(part):
            raise Terminal(f"cannot start {part!r}: it is not a valid name")
    return f"{app}@{name}"


def split_folder(folder: str) -> tuple[str, str] | None:
    """(app, name), or None if it is none of ours."""
    app, separator, name = folder.partition("@")
    return (app, name) if separator and _NAME.match(app) and _NAME.match(name) else None
