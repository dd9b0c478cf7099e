"""Small files that are there whole or not at all; and plain ones in a folder that is not ours."""

import contextlib
import os
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = False, mode: int = 0o600) -> None:
    """Replace `path` in one step. `durable` also survives a power cut, at the price of an fsync."""
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """So that a new name in it outlives a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_plain(path: str | Path, flags: int, *, folder: int | None = None, mode: int = 0) -> int:
    """A plain file in a folder that somebody else may write: no link, no pipe that waits, no second
    name of another file. Raises OSError."""
    safe = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags | safe, mode, dir_fd=folder)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(fd)
        raise OSError(f"{os.path.basename(path)} is no plain file")
    return fd


def read_plain(path: Path, bytes_max: int) -> bytes:
    """Its first `bytes_max` bytes. Raises OSError."""
    with open(open_plain(path, os.O_RDONLY), "rb") as file:
        return file.read(bytes_max)
