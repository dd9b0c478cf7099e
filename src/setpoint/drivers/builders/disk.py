"""What was written reaches the disk."""

import ctypes
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of linux/fs.h"""


def sync(folder: Path) -> None:
    """All that was written to the file system of `folder`. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(fd)


def exchange(one: Path, other: Path) -> None:
    """Each gets the other's name, in one step: neither is ever missing. Raises OSError."""
    if _libc.renameat2(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))
