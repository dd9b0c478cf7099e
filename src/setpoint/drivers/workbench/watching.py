"""Which files of a folder have changed. They are looked at: that costs a millisecond for a
function's project, needs no library, and works on whatever file system the folder lies on."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

APART = frozenset({"node_modules", "__pycache__", "venv", "env"})
"""Folders whose files are nobody's own, beside all whose name begins with a dot."""
CONFIG = ".env"
FILES_MAX = 20_000

Seen = tuple[int, int, int]
"""(changed at ns, bytes, inode)"""


class Watched:
    """`apart`: beginnings of paths that are passed over."""

    def __init__(self, folder: Path, apart: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self.apart = apart
        self._seen = dict(self._look())
        self._written: dict[str, bytes] = {}

    def changed(self) -> frozenset[str]:
        """What was changed, came or went since the last call, by path inside the folder."""
        before, self._seen = self._seen, dict(self._look())
        paths = before.keys() | self._seen.keys()
        return frozenset(p for p in paths if before.get(p) != self._seen.get(p))

    def built(self) -> frozenset[str]:
        """The same after a build, which may have written some of it: what it writes just so each
        time has not changed."""
        now = {path: _digest(self._folder / path) for path in self.changed()}
        before, self._written = self._written, {**self._written, **now}
        return frozenset(path for path, digest in now.items() if before.get(path) != digest)

    def _look(self) -> Iterator[tuple[str, Seen]]:
        ahead, left = [""], FILES_MAX
        while ahead:
            inside = ahead.pop()
            for entry in _entries(self._folder / inside):
                path = f"{inside}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if not self._is_apart(entry.name, f"{path}/"):
                        ahead.append(f"{path}/")
                elif left and not entry.is_dir() and not self._is_apart(entry.name, path):
                    left -= 1
                    yield from _seen(path, entry)

    def _is_apart(self, name: str, path: str) -> bool:
        hidden = name.startswith(".") and path != CONFIG
        return hidden or name in APART or path.startswith(self.apart)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:  # it went meanwhile
        return []


def _seen(path: str, entry: "os.DirEntry[str]") -> Iterator[tuple[str, Seen]]:
    try:
        found = entry.stat()
    except OSError:
        return
    yield path, (found.st_mtime_ns, found.st_size, found.st_ino)


def _digest(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return b""
