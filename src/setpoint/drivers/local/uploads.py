"""Source archives on their way in: an unguessable place to put one, then a file by its digest.

A place outlives a restart of the daemon: it is an empty file until the upload is complete, and
then holds the digest. Nothing here opens an archive: that is the builder's, in its sandbox.

How old a place is does not hang on the clock, which may be set at any time: its file's time is in
seconds since boot.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Generator
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers import clock
from setpoint.formats import tar_member
from setpoint.model.errors import NotFound, OverLimit, StoreError
from setpoint.model.ids import Digest
from setpoint.model.release import SOURCE_BYTES_MAX, SOURCE_UNPACKED_BYTES_MAX

PLACE_RE = re.compile(r"[A-Za-z0-9-]{16,64}")
PLACES_MAX = 1000
PLACE_AGE_S_MAX = 24 * 3600.0
SMALLER = "leave out what need not be deployed; `setpoint deploy` names what weighs most"


@dataclass(frozen=True)
class Uploads:
    """`folder` receives `<digest>.tar.gz`. `mode`: of those files; the builder must read them.

    `up_s`: seconds since boot.
    """

    folder: Path
    bytes_max: int = SOURCE_BYTES_MAX
    mode: int = 0o640
    up_s: Callable[[], float] = clock.up_s

    def open_place(self, place: str) -> None:
        """Make a place to upload to. Old ones are cleared away first. Raises OverLimit,
        StoreError."""
        with _told():
            self._places.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._clear()
            if sum(1 for _ in self._places.iterdir()) >= PLACES_MAX:
                raise OverLimit(f"cannot take a source: {PLACES_MAX} uploads are open already")
            path = self._places / place
            path.touch(mode=0o600, exist_ok=False)
            _stamp(path, self.up_s())

    def check_size(self, bytes_: int) -> None:
        """Raises OverLimit."""
        if bytes_ > self.bytes_max:
            limit = self.bytes_max // (1024 * 1024)
            raise OverLimit(f"cannot take the source: it is larger than {limit} MiB", SMALLER)

    async def receive(self, place: str, chunks: AsyncIterator[bytes]) -> tuple[Digest, int]:
        """Stream to disk, hashing; the file appears whole or not at all. -> (digest, bytes)

        Each upload writes a file of its own: two at once into one place must not mix, or a file
        would hold something else than its digest says.
        """
        path = self._place(place)
        part = path.with_suffix(f".{secrets.token_hex(8)}.part")
        try:
            with _told():
                digest, size = await self._write(part, chunks)
                await asyncio.to_thread(self._keep, part, path, digest)
        finally:
            part.unlink(missing_ok=True)
        return digest, size

    def digest(self, place: str) -> Digest | None:
        """What was put there, or None while nothing was."""
        return Digest(self._place(place).read_text(encoding="ascii")) or None

    def member(self, digest: Digest, name: str, bytes_max: int) -> bytes | None:
        """One file of that archive; None where there is none, or the archive cannot be read, which
        the builder will say. Blocks."""
        try:
            with self.path(digest).open("rb") as file:
                chunks = iter(lambda: file.read(tar_member.CHUNK_BYTES), b"")
                return tar_member.find(chunks, name, bytes_max, SOURCE_UNPACKED_BYTES_MAX)
        except (OSError, tar_member.Unreadable):
            return None

    def path(self, digest: Digest) -> Path:
        return self.folder / f"{digest}.tar.gz"

    @property
    def _places(self) -> Path:
        return self.folder / "uploads"

    def _place(self, place: str) -> Path:
        path = self._places / place
        if not PLACE_RE.fullmatch(place) or not path.is_file():
            raise NotFound("cannot find that upload: it is unknown or older than a day")
        return path

    async def _write(self, part: Path, chunks: AsyncIterator[bytes]) -> tuple[Digest, int]:
        hashed, size = hashlib.sha256(), 0
        with part.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                self.check_size(size)
                hashed.update(chunk)
                file.write(chunk)
        return Digest(hashed.hexdigest()), size

    def _keep(self, part: Path, place: Path, digest: Digest) -> None:
        """Content first, then its name, then the place's word for it: each durable in turn."""
        part.chmod(self.mode)
        _sync(part)
        with _alone(self.folder):
            part.replace(self.path(digest))
        _sync(self.folder)
        place.write_text(digest, encoding="ascii")

    def _clear(self) -> None:
        """What was written since, or before the last boot, bears a time to come: its day begins."""
        up_s = self.up_s()
        for path in self._places.iterdir():
            with contextlib.suppress(FileNotFoundError):  # an upload ends, and its part is gone
                age_s = up_s - path.stat().st_mtime
                if age_s > PLACE_AGE_S_MAX:
                    path.unlink()
                elif age_s < 0:
                    _stamp(path, up_s)


def discard(folder: Path, digests: Collection[Digest], before_s: float) -> frozenset[Digest]:
    """Remove these, but for what was uploaded (again) since. Tells what is gone. Blocks."""
    gone: set[Digest] = set()
    for digest in digests:
        path = folder / f"{digest}.tar.gz"
        with contextlib.suppress(OSError), _alone(folder):
            if os.path.lexists(path) and path.lstat().st_mtime >= before_s:
                continue
            path.unlink(missing_ok=True)
            gone.add(digest)
    return frozenset(gone)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """So that an upload never takes the place of what is about to be removed."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _stamp(path: Path, up_s: float) -> None:
    os.utime(path, (up_s, up_s))


@contextlib.contextmanager
def _told() -> Generator[None]:
    """What the disk refuses is nobody's mistake, and no bug."""
    try:
        yield
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("cannot take the source: the disk is full", "free some space, then retry")
    return StoreError(f"cannot take the source: {error.strerror or error}")
