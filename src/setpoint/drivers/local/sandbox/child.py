"""What happens between fork and exec. Everything was opened before; errors go to the report pipe.

The order is the point: cgroups first (so that nothing escapes the limits), then namespaces (needs
privileges), then the user, then what the app's own user may do to itself.
"""

import contextlib
import fcntl
import json
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from setpoint.drivers.local.sandbox import landlock, syscalls

_OUT_OF_THE_WAY = 256
"""Descriptors are first copied above this, so that no move overwrites the source of another."""
OOM_SCORE = b"500"
"""When the whole machine runs out of memory, apps go before the plane."""
CANNOT_EXECUTE = 126


@dataclass(frozen=True)
class Join:
    """Cgroups to enter. `files`: where to write "0". `folder`: v2, to be born in."""

    files: tuple[int, ...] = ()
    folder: int | None = None


@dataclass(frozen=True)
class Common:
    """`limits`: (resource, soft and hard value). `report`: where an error is written."""

    uid: int | None
    report: int
    cgroups: Join = Join()
    limits: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Child:
    """`moves`: number there -> descriptor here. `enter`: (namespace or pidfd, its kinds)."""

    common: Common
    executable: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    moves: Mapping[int, int]
    enter: tuple[int, int] | None = None
    ruleset: int | None = None
    filter: bytes = b""


def fork(child: Child, *, orphaned: bool = False) -> int:
    """The pid. `orphaned`: somebody else's child from the start, so never ours to reap."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid, joined = _fork(child.common.cgroups)
        if pid == 0:
            _become(child, joined=joined, orphaned=orphaned)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return pid


def _fork(join: Join) -> tuple[int, bool]:
    """(pid, already in its cgroup)."""
    if join.folder is not None:
        # Older kernels, and filters that answer clone3 with ENOSYS: fork, then move.
        with contextlib.suppress(OSError):
            return syscalls.fork_into(join.folder), True
    return os.fork(), False


def _become(child: Child, *, joined: bool, orphaned: bool) -> NoReturn:
    try:
        if orphaned and os.fork():
            os._exit(0)
        os.setsid()
        _confine(child, joined)
        _place(child.moves)
        _forget_signals()
        os.chdir(child.cwd)
        os.execve(child.executable, child.command, child.env)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(child.common.report, json.dumps({"error": str(error)}).encode())
    os._exit(CANNOT_EXECUTE)


def _confine(child: Child, joined: bool) -> None:
    common = child.common
    if not joined:
        for file in common.cgroups.files:
            os.write(file, b"0")
    _be_expendable()
    if child.enter is not None:
        syscalls.setns(*child.enter)
    for kind, value in common.limits:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if common.uid is not None:
        os.setgroups([])
        os.setresgid(common.uid, common.uid, common.uid)
        os.setresuid(common.uid, common.uid, common.uid)
    if child.ruleset is not None or child.filter:
        syscalls.no_new_privileges()
    if child.ruleset is not None:
        landlock.restrict(child.ruleset)
    if child.filter:
        syscalls.install_filter(child.filter)


def _be_expendable() -> None:
    with contextlib.suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, OOM_SCORE)


def _place(moves: Mapping[int, int]) -> None:
    """These descriptors under these numbers, and no other gets across."""
    held = {
        number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
        for number, fd in moves.items()
    }
    syscalls.close_on_exec_from(3)
    for number, fd in held.items():
        os.dup2(fd, number)


def _forget_signals() -> None:
    """Ignored signals stay ignored across exec; ours mean nothing to the app."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
