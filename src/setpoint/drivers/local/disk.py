"""How full a disk is, and how fast it fills while somebody's build runs: a look that costs nothing.

What others write meanwhile counts as well, so the bound is generous.
"""

import os
from pathlib import Path

from setpoint.model.retention import Ground

BYTES_MAX = 8 * 1024 * 1024 * 1024
FILES_MAX = 500_000
LEFT_BYTES_MIN = 512 * 1024 * 1024
"""for everybody else on this disk"""
ROOM_BYTES = 4 * 1024 * 1024
"""for Changes of all who ask at once; the largest there is takes an eighth"""


class Filling:
    """Of the disk that holds `folder`, from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes_free, self._files_free = _free(folder)
        self.seen = False

    def too_much(self) -> bool:
        bytes_free, files_free = _free(self._folder)
        used = self._bytes_free - bytes_free
        scarce = bytes_free < LEFT_BYTES_MIN and used > 0
        if scarce or used > BYTES_MAX or self._files_free - files_free > FILES_MAX:
            self.seen = True
        return self.seen


def space(folder: Path) -> tuple[int, int]:
    """(bytes that are free for us, these and the used ones): as `df` counts."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    return free, free + (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def ground(folder: Path) -> Ground:
    """Of the disk that holds `folder`. Of one that cannot be asked nothing bad is said."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return Ground()
    free = disk.f_bavail * disk.f_frsize
    return Ground(free >= ROOM_BYTES, not disk.f_flag & os.ST_RDONLY)


def _free(folder: Path) -> tuple[int, int]:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize, disk.f_ffree
