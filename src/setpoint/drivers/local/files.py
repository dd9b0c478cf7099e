"""Small files that are there whole or not at all; and plain ones in a folder that is not ours."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Protocol


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


class Folder(Protocol):
    """Small files of one owner, each there whole or not at all. Everything may raise OSError."""

    def names(self) -> list[str]:
        """In order."""
        ...

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """In place of what was there. `durable`: it outlives a power cut."""
        ...

    def append(self, name: str, content: bytes) -> None:
        """It outlives a power cut; one in the middle may leave a part of it."""
        ...

    def remove(self, name: str) -> None:
        """Absent is success."""
        ...


class DiskFolder:
    """A `Folder` on the disk. It is made if there is none; nobody else may look into it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> list[str]:
        return sorted(os.listdir(self._path))

    def read(self, name: str) -> bytes:
        """Of thousands in a row: `Path` takes longer than the file itself."""
        with open(f"{self._path}/{name}", "rb", buffering=0) as file:
            return file.read()

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        write_whole(self._path / name, content, durable=durable)

    def append(self, name: str, content: bytes) -> None:
        path = self._path / name
        fresh = not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(content)
            os.fsync(fd)
        finally:
            os.close(fd)
        if fresh:
            sync_folder(self._path)

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


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
