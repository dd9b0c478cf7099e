"""The Linux calls Python 3.11 lacks, by ctypes. Nothing in here decides anything.

All are called between fork and exec or in a single-threaded process: none takes a lock, none
starts a thread. Each raises OSError with the kernel's errno.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Generator
from pathlib import Path

CLONE_INTO_CGROUP = 0x200000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
CLOSE_RANGE_CLOEXEC = 4

# These three numbers are the same on every architecture.
NR_CLONE3 = 435
NR_CLOSE_RANGE = 436

_libc = ctypes.CDLL(None, use_errno=True)
_holding_gil = ctypes.PyDLL(None, use_errno=True)
"""For clone3: the child must come back to a Python whose lock it holds."""


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Integers are passed as longs, bytes and buffers as pointers."""
    cast = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *cast), f"syscall {number}")


def setns(fd: int, flags: int) -> None:
    _checked(_libc.setns(fd, flags), "setns")


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def bind_mount(source: str, target: Path) -> None:
    result = _libc.mount(source.encode(), os.fsencode(target), None, MS_BIND, None)
    _checked(result, "mount")


def unmount(target: Path) -> None:
    """Detached at once; what still uses it keeps it."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), "umount2")


def no_new_privileges() -> None:
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def install_filter(program: bytes) -> None:
    """A classic BPF program for this process and whatever comes of it, for good."""
    instructions = ctypes.create_string_buffer(program)
    address = ctypes.addressof(instructions)
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, address))
    result = _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)
    _checked(result, "prctl(PR_SET_SECCOMP)")


def close_on_exec_from(first: int) -> None:
    """Whatever this process inherited itself stays out of what it is about to execute."""
    syscall(NR_CLOSE_RANGE, first, 0xFFFFFFFF, CLOSE_RANGE_CLOEXEC)


def fork_into(cgroup: int) -> int:
    """Fork straight into a v2 cgroup (a descriptor of its folder): 0 in the child.

    Unlike moving a process afterwards this takes no RCU grace period (12 ms measured). It bypasses
    Python's fork hooks, so: single-threaded process, and the child only prepares and executes.
    """
    sigchld = 17
    arguments = struct.pack("11Q", CLONE_INTO_CGROUP, 0, 0, 0, sigchld, 0, 0, 0, 0, 0, cgroup)
    buffer = ctypes.create_string_buffer(arguments, len(arguments))
    pid = _holding_gil.syscall(ctypes.c_long(NR_CLONE3), buffer, ctypes.c_long(len(arguments)))
    return _checked(pid, "clone3")


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
