"""What builders that were cut off left behind: cleared away when no other builder is at work.

A builder holds the lock shared for as long as it lives. Whoever gets it alone for a moment knows
that everything unfinished is nobody's.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path

from setpoint.drivers.builders import bytecode, layers, locks

LOCK = ".builders"


@contextlib.contextmanager
def cleared(folder: Path, cache: Path) -> Generator[None]:
    """`folder`: of all layers; `cache`: of all tools. Held until the build has ended."""
    fd = _opened(folder)
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(folder, cache)
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def alone(folder: Path) -> Generator[bool]:
    """Whether no builder is at work; if so, none begins before this ends."""
    fd = _opened(folder)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def _opened(folder: Path) -> int:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def clear(folder: Path, cache: Path) -> None:
    """With the lock."""
    for place, pattern in (
        (folder / "code", f"{layers.SCRATCH}*"),
        (folder / "deps", f"{layers.SCRATCH}*"),
        (folder / "locks", f"{locks.SCRATCH}*"),
        (cache / "uv", ".tmp*"),
        (cache / "bytecode", f"*/*/{bytecode.SCRATCH}*"),
        (cache / "npm/_cacache/tmp", "*"),
    ):
        for path in place.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
