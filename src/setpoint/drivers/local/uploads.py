"""Source archives on their way in: an unguessable place to put one, then a file by its digest.

A place outlives a restart of the daemon: it is an empty file until the upload is complete, and
then holds the digest. Nothing here opens an archive: that is the builder's, in its sandbox.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Collection, Generator
from dataclasses import dataclass
from pathlib import Path

from setpoint.model.errors import NotFound, OverLimit, StoreError
from setpoint.model.ids import Digest
from setpoint.model.release import SOURCE_BYTES_MAX

PLACE_RE = re.compile(r"[A-Za-z0-9-]{16,64}")
PLACES_MAX = 1000
PLACE_AGE_S_MAX = 24 * 3600.0


@dataclass(frozen=True)
class Uploads:
    """`folder` receives `<digest>.tar.gz`. `mode`: of those files; the builder must read them."""

    folder: Path
    bytes_max: int = SOURCE_BYTES_MAX
    mode: int = 0o640

    def open_place(self, place: str, now_s: float) -> None:
        """Make a place to upload to. Old ones are cleared away first."""
        self._places.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clear(now_s)
        if sum(1 for _ in self._places.iterdir()) >= PLACES_MAX:
            raise OverLimit(f"cannot take a source: {PLACES_MAX} uploads are open already")
        path = self._places / place
        path.touch(mode=0o600, exist_ok=False)
        os.utime(path, (now_s, now_s))

    async def receive(self, place: str, chunks: AsyncIterator[bytes]) -> tuple[Digest, int]:
        """Stream to disk, hashing; the file appears whole or not at all. -> (digest, bytes)

        Each upload writes a file of its own: two at once into one place must not mix, or a file
        would hold something else than its digest says.
        """
        path = self._place(place)
        part = path.with_suffix(f".{secrets.token_hex(8)}.part")
        try:
            digest, size = await self._write(part, chunks)
            await asyncio.to_thread(self._keep, part, path, digest)
        except OSError as error:
            raise _no_room(error) from error
        finally:
            part.unlink(missing_ok=True)
        return digest, size

    def digest(self, place: str) -> Digest | None:
        """What was put there, or None while nothing was."""
        return Digest(self._place(place).read_text(encoding="ascii")) or None

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
                if size > self.bytes_max:
                    limit = self.bytes_max // (1024 * 1024)
                    raise OverLimit(f"cannot take the source: it is larger than {limit} MiB")
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

    def _clear(self, now_s: float) -> None:
        for path in self._places.iterdir():
            if now_s - path.stat().st_mtime > PLACE_AGE_S_MAX:
                path.unlink(missing_ok=True)


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


def _no_room(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("cannot take the source: the disk is full", "free some space, then retry")
    return StoreError(f"cannot take the source: {error.strerror or error}")
