"""How a control group tells that something in it needs more memory than it may have, in time.

v1: it sleeps from then on, and a descriptor says so. v2 knows no such sleep. There `memory.high`
slows down what goes beyond it, the more the further, so that it takes seconds for the last part;
each time the kernel counts that in `memory.events`.
"""

import contextlib
import mmap
import os
from pathlib import Path

from setpoint.drivers.local.sandbox import syscalls

LAST_PART = 32
"""of the memory is what a v2 group is slowed down in"""
RECLAIMABLE = ("active_file", "inactive_file", "slab_reclaimable")


def watch_v1(folder: Path) -> int:
    told = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        control = os.open(folder / "memory.oom_control", os.O_RDWR | os.O_CLOEXEC)
        try:
            write(folder / "cgroup.event_control", f"{told} {control}")
            os.write(control, b"1")
        finally:
            os.close(control)
    except BaseException:
        os.close(told)
        raise
    return told


def is_short_v1(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return "under_oom 1" in (folder / "memory.oom_control").read_text()
    return False


def watch_unified(folder: Path) -> int | None:
    most_bytes = _bytes(folder / "memory.max")
    if most_bytes is None:
        return None
    told = syscalls.told_of_writes(folder / "memory.events")
    if _bytes(folder / "memory.high") != high(most_bytes):  # each write is a round of reclaiming
        write(folder / "memory.high", str(high(most_bytes)))
    return told


def is_short_unified(folder: Path) -> bool:
    """What the kernel could take back is no shortage."""
    most_bytes = _bytes(folder / "memory.max")
    with contextlib.suppress(OSError, ValueError):
        used_bytes = int((folder / "memory.current").read_text())
        return most_bytes is not None and used_bytes - _reclaimable(folder) >= high(most_bytes)
    return False


def high(most_bytes: int) -> int:
    """In whole pages, as the kernel keeps it."""
    return (most_bytes - most_bytes // LAST_PART) // mmap.PAGESIZE * mmap.PAGESIZE


def _bytes(file: Path) -> int | None:
    """None: no bound, or no such group."""
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return None


def _reclaimable(folder: Path) -> int:
    lines = (folder / "memory.stat").read_text().splitlines()
    counted = dict(line.split(" ", 1) for line in lines)
    return sum(int(counted.get(kind, "0")) for kind in RECLAIMABLE)


def write(file: Path, value: str) -> None:
    """A file that is not there belongs to a controller (or swap accounting) that is not either."""
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
