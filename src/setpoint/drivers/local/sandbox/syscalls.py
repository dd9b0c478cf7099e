"""The Linux calls Python 3.11 lacks, by ctypes. Nothing in here decides anything.

All are called between fork and exec or in a single-threaded process: none takes a lock, none
starts a thread. Each raises OSError with the kernel's errno.
"""

import contextlib
import ctypes
import os
from collections.abc import Generator
from pathlib import Path

from setpoint.workers.forker import (
    MNT_DETACH,
    checked,
    clone,
    install_filter,
    no_new_privileges,
    setns,
    syscall,
)

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
IN_MODIFY = 2
SPLICE_F_NONBLOCK = 2
PIDFD_GETFD = 438
"""the same on every architecture"""

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    checked(_libc.unshare(flags), "unshare")


def bind_mount(source: str, target: Path) -> None:
    result = _libc.mount(source.encode(), os.fsencode(target), None, MS_BIND, None)
    checked(result, "mount")


def unmount(target: Path) -> None:
    """Detached at once; what still uses it keeps it."""
    checked(_libc.umount2(os.fsencode(target), MNT_DETACH), "umount2")


def take_descriptor(pidfd: int, number: int) -> int:
    """A copy of another process's descriptor, closed on exec."""
    return syscall(PIDFD_GETFD, pidfd, number, 0)


def copied(pipe: int, to: int, bytes_max: int) -> int:
    """What is in one pipe is in the other as well, and still in the first. How many bytes."""
    return int(checked(_libc.tee(pipe, to, bytes_max, SPLICE_F_NONBLOCK), "tee"))


def told_of_writes(path: Path) -> int:
    """A descriptor that becomes readable once this file is written to. Nobody tells
    when a control group's file goes."""
    fd = int(checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), "inotify_init1"))
    try:
        checked(_libc.inotify_add_watch(fd, os.fsencode(path), IN_MODIFY), "inotify_add_watch")
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextlib.contextmanager
def inside_network(namespace: int) -> Generator[None, None, None]:
    """This thread in another network namespace. Sockets opened meanwhile stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(namespace, CLONE_NEWNET)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


@contextlib.contextmanager
def inside_new_network() -> Generator[None, None, None]:
    """This thread in a fresh network namespace, which vanishes unless somebody keeps it."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(CLONE_NEWNET)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


__all__ = [
    "bind_mount",
    "checked",
    "clone",
    "inside_network",
    "inside_new_network",
    "install_filter",
    "no_new_privileges",
    "setns",
    "syscall",
    "take_descriptor",
    "told_of_writes",
    "unmount",
    "unshare",
]
