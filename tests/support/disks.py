"""A Setpoint whose data lies on a small disk of its own, and how that disk becomes full."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane, fresh_plane

MIB = 1024 * 1024


@contextlib.contextmanager
def plane_on_disk(size_mib: int) -> Iterator[Plane]:
    """Skips the test where no file system can be made."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own can be made by root only")
    with fresh_plane(start=False) as plane:
        options = f"size={size_mib}m,mode=711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", plane.data], check=True)
        try:
            plane.up()
            yield plane
        finally:
            plane.cli("down")
            subprocess.run(["umount", "-l", plane.data], check=True)


def fill(folder: Path, left_bytes: int = 0) -> Path:
    """The file that takes the room. Others write at the same time: it takes what it can get."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with contextlib.suppress(OSError):
                while _free_bytes(folder) >= left_bytes + size:
                    file.write(b"\0" * size)
    return ballast


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
