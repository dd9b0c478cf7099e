"""What runs on this machine."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


def running(*argv: str, below: int | None = None) -> list[int]:
    """Ids of processes whose arguments hold these, one after the other.

    `below`: only what that process has started, itself or through others.
    """
    wanted = b"\0" + b"\0".join(arg.encode() for arg in argv) + b"\0"
    found = [int(entry.name) for entry in _processes() if wanted in b"\0" + _arguments(entry)]
    return [pid for pid in found if below is None or below in _ancestors(pid)]


@contextlib.contextmanager
def held_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def descendants(pid: int) -> list[int]:
    """What it has started, itself or through others, and what still runs of it."""
    return [int(entry.name) for entry in _processes() if pid in _ancestors(int(entry.name))]


def alive(pid: int) -> bool:
    """Not when it has ended and nobody has asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            return
        yield pid


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _arguments(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return b""
