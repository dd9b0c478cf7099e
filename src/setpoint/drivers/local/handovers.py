"""The folder that a build's two stages share, from the supervisor's side.

It belongs to the builder, who may be anybody's by now: as root nothing in there is followed, made
into a path, or believed to be small.
"""

import contextlib
import os
import shutil
from collections.abc import Collection, Generator
from pathlib import Path

from setpoint.drivers.local.files import open_plain
from setpoint.formats import handover
from setpoint.formats.handover import Ending, Need
from setpoint.model.ids import BuildId

SUFFIX = ".run"


class Handovers:
    """`folder`: of all builds. `gid`: the builder's group, or None where all are one user."""

    def __init__(self, folder: Path, gid: int | None) -> None:
        self._folder = folder
        self._gid = gid

    def path(self, id: BuildId) -> Path:
        return self._folder / f"{id}{SUFFIX}"

    def drop(self, id: BuildId) -> None:
        shutil.rmtree(self.path(id), ignore_errors=True)

    def drop_others(self, kept: Collection[BuildId]) -> None:
        """What builds left behind that nobody remembers."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.stem not in kept:
                self.drop(BuildId(path.stem))

    def forget_needs(self, id: BuildId) -> None:
        with contextlib.suppress(OSError), self._opened(id) as folder:
            os.unlink(handover.NEEDS, dir_fd=folder)

    def needs(self, id: BuildId) -> tuple[Need, ...]:
        """What is still to be done; () also where it cannot be read."""
        try:
            with self._opened(id) as folder, open(_read(folder, handover.NEEDS), "rb") as file:
                needs = handover.decode_needs(file.read(handover.NEEDS_BYTES_MAX))
                names = os.listdir(folder)
        except (OSError, ValueError):
            return ()
        return tuple(n for n in needs if handover.ending_file(n) not in names)

    def open_input(self, id: BuildId, need: Need) -> int:
        """Raises OSError."""
        with self._opened(id) as folder:
            return _read(folder, need.input)

    def new_output(self, id: BuildId, need: Need) -> int:
        """Open for writing, empty. Raises OSError."""
        return self._new(id, handover.output_file(need))

    def end(self, id: BuildId, need: Need, ending: Ending) -> None:
        """Raises OSError."""
        with open(self._new(id, handover.ending_file(need)), "wb") as file:
            file.write(handover.encode(ending))

    def _new(self, id: BuildId, name: str) -> int:
        with self._opened(id) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(name, flags, 0o640, dir_fd=folder)
        if self._gid is not None:
            os.fchown(fd, -1, self._gid)
        return fd

    @contextlib.contextmanager
    def _opened(self, id: BuildId) -> Generator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.path(id), flags)
        try:
            yield fd
        finally:
            os.close(fd)


def _read(folder: int, name: str) -> int:
    return open_plain(name, os.O_RDONLY, folder=folder)
