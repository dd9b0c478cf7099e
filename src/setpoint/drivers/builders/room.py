"""How much dependencies may unpack to: looked at while a tool unpacks, and counted afterwards.

A wheel of a few megabytes may hold terabytes. The tool that unpacks it sets no bound, so the free
space of the disk is watched while it works.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders.errors import CannotBuild

GIB = 1024 * 1024 * 1024
BYTES_MAX = 4 * GIB
FILES_MAX = 200_000
HINT = "install less: leave out packages, or choose smaller builds of them"


def check(size: int, files: int, what: str = "its dependencies") -> None:
    """Raises CannotBuild."""
    if size > BYTES_MAX:
        raise CannotBuild(f"{what} unpacked to more than {BYTES_MAX / GIB:g} GiB", HINT)
    if files > FILES_MAX:
        raise CannotBuild(f"{what} unpacked to more than {FILES_MAX} files", HINT)


def check_folder(folder: Path) -> None:
    """Everything in it, links not followed. Raises CannotBuild."""
    size = files = 0
    for here, folders, names in os.walk(folder):
        files += len(folders) + len(names)
        size += sum(os.lstat(os.path.join(here, name)).st_size for name in names)
    check(size, files)


@dataclass(frozen=True)
class Watch:
    """Of the disk that holds a folder. What others write meanwhile counts as well, so the bound is
    twice the one that is checked in the end."""

    folder: Path
    bytes_free: int
    files_free: int

    @staticmethod
    def of(folder: Path) -> "Watch":
        return Watch(folder, *_free(folder))

    def check(self) -> None:
        """Raises CannotBuild."""
        bytes_free, files_free = _free(self.folder)
        check((self.bytes_free - bytes_free) // 2, (self.files_free - files_free) // 2)


def _free(folder: Path) -> tuple[int, int]:
    disk = os.statvfs(folder)
    return disk.f_bfree * disk.f_frsize, disk.f_ffree
