"""Forking by ourselves, for a start now and then: a probe, a relay. The steps are the forker's."""

import contextlib
import os
import signal
from typing import NoReturn

from setpoint.drivers.local.sandbox import syscalls
from setpoint.workers.forker import CANNOT_EXECUTE, Order, become, forget_signals


def fork(order: Order, *, orphaned: bool = False) -> int:
    """The pid. `orphaned`: somebody else's child from the start, so never ours to reap."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid, joined = _fork(order.cgroup)
        if pid == 0:
            _go(order, joined=joined, orphaned=orphaned)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return pid


def _fork(cgroup: int | None) -> tuple[int, bool]:
    """(pid, already in its cgroup)."""
    if cgroup is not None:
        # Older kernels, and filters that answer clone3 with ENOSYS: fork, then move.
        with contextlib.suppress(OSError):
            return syscalls.clone(cgroup=cgroup), True
    return os.fork(), False


def _go(order: Order, *, joined: bool, orphaned: bool) -> NoReturn:
    try:
        if orphaned and os.fork():
            os._exit(0)
        forget_signals()
        become(order, joined=joined)
    finally:
        os._exit(CANNOT_EXECUTE)
