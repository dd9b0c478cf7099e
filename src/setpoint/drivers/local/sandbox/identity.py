"""Is it still the same process? Watching, ending and signalling running instances.

Killing bubblewrap does not end the sandbox, so: watch `outer` (it writes the exit code), kill
`inner` (with it goes everything). After `outer` has ended always `kill`: a main process that
leaves children behind keeps `inner` alive.
"""

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.spec import Identity

ROUNDS_MAX = 3
"""A process may fork while we signal its siblings; whoever outruns this meets SIGKILL later."""


@dataclass(frozen=True)
class Seen:
    """One line of /proc/PID/stat. `start`: clock ticks since boot."""

    parent: int
    start: int
    zombie: bool


def look(pid: int) -> Seen | None:
    """None if there is no such process."""
    if pid <= 0:
        return None
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # The name may contain anything, so count from its closing parenthesis.
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return Seen(parent=int(fields[1]), start=int(fields[19]), zombie=fields[0] in b"ZX")


def start_time(pid: int) -> int:
    seen = look(pid)
    return seen.start if seen else 0


def alive(identity: Identity) -> bool:
    """Does the sandbox still exist? True also while only left-over children run in it."""
    return _same(identity.inner_pid, identity.inner_start)


def unburied(identity: Identity) -> bool:
    """Has it ended without its parent having taken notice?"""
    seen = look(identity.inner_pid)
    return seen is not None and seen.start == identity.inner_start and seen.zombie


def open_pidfd(identity: Identity) -> int | None:
    """Readable once the instance has ended. None if it already has.

    It watches `outer`, or `inner` where somebody killed `outer`.
    """
    for pid, start in (
        (identity.outer_pid, identity.outer_start),
        (identity.inner_pid, identity.inner_start),
    ):
        fd = _open(pid, start)
        if fd is not None:
            return fd
    return None


def kill(confinement: Confinement, identity: Identity) -> None:
    """Everything inside, at once. Absent is success."""
    if identity.group and confinement.cgroups is not None:
        confinement.cgroups.kill(identity.group)
    fd = _open(identity.inner_pid, identity.inner_start)
    if fd is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)


def terminate(
    confinement: Confinement, identity: Identity, number: signal.Signals = signal.SIGTERM
) -> bool:
    """SIGTERM to every process inside, as Heroku does; never to bubblewrap. Absent is success.

    False: bubblewrap is there and has not started what it is to run."""
    spared = {identity.outer_pid}
    if confinement.hides and not identity.group:
        spared.add(identity.inner_pid)
    reached = False
    for _ in range(ROUNDS_MAX):
        if not alive(identity):
            return True
        found = members(confinement, identity) - spared
        if not found:
            return reached
        for pid in found:
            _signal(pid, number)
        spared |= found
        reached = True
    return reached


def members(confinement: Confinement, identity: Identity) -> set[int]:
    """Host pids of the instance. By its cgroup where there is one, else down the family tree."""
    if confinement.cgroups is not None:
        folder = _cgroup_folder(identity.inner_pid)
        if folder is not None:
            return confinement.cgroups.members(folder)
    return descendants({identity.outer_pid, identity.inner_pid} - {0})


def halt(confinement: Confinement, identity: Identity, *, halted: bool = True) -> None:
    """Before it is killed: what it would do meanwhile. Not for good: who writes its exit code down
    may be in there too."""
    folder = _cgroup_folder(identity.inner_pid)
    if confinement.cgroups is not None and folder is not None:
        confinement.cgroups.halt(folder, halted=halted)


def descendants(roots: Iterable[int]) -> set[int]:
    """`roots`, as far as they live, and everything below them."""
    parents = {pid: seen.parent for pid in pids() if (seen := look(pid))}
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    ahead = [root for root in roots if root in parents]
    while ahead:
        pid = ahead.pop()
        if pid not in found:
            found.add(pid)
            ahead += children.get(pid, [])
    return found


def pids() -> Iterator[int]:
    """Every process this user can see."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def reap(identity: Identity) -> None:
    """Collect `outer` if it is our child and has ended; after a restart it is somebody else's."""
    if identity.outer_pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(identity.outer_pid, os.WNOHANG)


def _same(pid: int, start: int) -> bool:
    seen = look(pid)
    return seen is not None and seen.start == start and not seen.zombie


def _open(pid: int, start: int) -> int | None:
    """A pidfd, checked after it was opened: from then on it cannot mean somebody else."""
    if pid <= 0:
        return None
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return None
    seen = look(pid)
    if seen is not None and seen.start == start:
        return fd
    os.close(fd)
    return None


def _signal(pid: int, number: int) -> None:
    """Straight after the pid was listed: it cannot have gone round the pid space since."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _cgroup_folder(pid: int) -> str | None:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    names = (line.rpartition("/")[2] for line in lines if "/setpoint-" in line)
    return next(names, None)
