"""What was laid, on record file by file, so that it is noticed when somebody alters it.

A look compares what each file's inode says with the record, and reads only where that differs:
whoever writes, moves, links or locks a file gives it a new ctime, and nobody can set that one. An
altered layer is marked by a file of its own; builds lay what is marked anew.
"""

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from setpoint.model.ids import Digest
from setpoint.model.layer import Altered

KINDS = ("code", "deps")
ASIDE = ".aside-"
"""What was altered and laid again: there for as long as something may run on it."""
RECORDS, MARKS = "laid", "altered"
"""Folders beside those of layers."""
END = b"end"
"""of a record that is whole"""
MARK_BYTES_MAX = 64 * 1024
TOLD_MAX = 3
PATH_CHARS_MAX = 200
_NAME = re.compile(r"(code|deps)-([0-9a-f]{64})")
_READ_BYTES = 1 << 20


class Row(NamedTuple):
    """`inode`: what it says of the file; of a folder, its mode alone. `content`: a digest, or where
    a link leads."""

    inode: bytes
    content: bytes


Rows = dict[bytes, Row]
"""By path inside the layer."""


class Laid(NamedTuple):
    """One layer and its files. `folder`: of all layers."""

    folder: Path
    kind: str
    digest: Digest

    @staticmethod
    def named(folder: Path, name: str) -> "Laid | None":
        """None: no layer is named so."""
        found = _NAME.fullmatch(name)
        return None if found is None else Laid(folder, found[1], Digest(found[2]))

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.digest}"

    @property
    def layer(self) -> Path:
        return self.folder / self.kind / self.digest

    @property
    def record(self) -> Path:
        return self.folder / RECORDS / self.name

    @property
    def mark(self) -> Path:
        return self.folder / MARKS / self.name

    def forget(self) -> None:
        for path in (self.record, self.mark):
            path.unlink(missing_ok=True)


# --- on record -----------------------------------------------------------------------------------


def rows(layer: Path) -> Rows:
    """Of all that is in it, read whole. Raises OSError."""
    return {path: _row(layer, path, seen, b"") for path, seen in _walk(layer)}


def keep(record: Path, laid: Rows) -> None:
    """Raises OSError."""
    told = b"".join(b"%s\0%s\0%s\0" % (*row, path) for path, row in laid.items())
    _write(record, told + END)


def _kept(record: Path) -> Rows:
    """Raises OSError; ValueError where it is damaged."""
    words = record.read_bytes().split(b"\0")
    read = zip(words[2::3], words[0::3], words[1::3], strict=False)
    if words[-1] != END:
        raise ValueError(f"{record.name} is cut off")
    return {path: Row(inode, content) for path, inode, content in read}


def _walk(layer: Path, inside: bytes = b"") -> Iterator[tuple[bytes, os.stat_result]]:
    """Every folder, file and link in it, but for what is in a folder closed to us. What goes
    meanwhile is gone."""
    with os.scandir(os.path.join(os.fsencode(layer), inside)) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                path, seen = os.path.join(inside, entry.name), entry.stat(follow_symlinks=False)
                yield path, seen
                if stat.S_ISDIR(seen.st_mode):
                    yield from _walk(layer, path)


def _inode(seen: os.stat_result) -> bytes:
    if stat.S_ISDIR(seen.st_mode):
        return b"%o" % seen.st_mode
    return b"%o %d %d %d" % (seen.st_mode, seen.st_size, seen.st_ctime_ns, seen.st_ino)


def _row(layer: Path, path: bytes, seen: os.stat_result, unread: bytes) -> Row:
    """`unread`: what counts as the content of a file that is closed to us."""
    try:
        return Row(_inode(seen), _content(layer, path, seen))
    except PermissionError:
        return Row(_inode(seen), unread)


def _content(layer: Path, path: bytes, seen: os.stat_result) -> bytes:
    at = os.path.join(os.fsencode(layer), path)
    if stat.S_ISLNK(seen.st_mode):
        return os.readlink(at)
    return _digest(at) if stat.S_ISREG(seen.st_mode) else b""


def _digest(path: bytes) -> bytes:
    whole = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while part := os.read(fd, _READ_BYTES):
            whole.update(part)
    finally:
        os.close(fd)
    return whole.hexdigest().encode()


# --- a look --------------------------------------------------------------------------------------


def look(laid: Laid, now_s: float) -> bool:
    """Is it as it was laid? What is known by now is put on record, and what is not so, marked.

    A layer without a record was laid by an earlier version, or its record was lost: it is taken as
    it is found. Raises OSError."""
    before = _identity(laid)
    try:
        known = _kept(laid.record)
    except (FileNotFoundError, ValueError):
        known = None
    if known is None and laid.layer.is_dir():
        keep(laid.record, rows(laid.layer))
        return True
    seen, altered = _compared(laid.layer, known or {}) if laid.layer.is_dir() else ({}, None)
    if _identity(laid) != before:
        return True  # it was laid again meanwhile, and this was about another
    if altered is None:
        altered = ["all of it is gone"]
    if altered:
        _mark(laid, altered, now_s)
        return False
    if seen != known:
        keep(laid.record, seen)
    laid.mark.unlink(missing_ok=True)  # whoever altered it put it back
    return True


def _identity(laid: Laid) -> tuple[int, ...]:
    """Another one once it is laid again."""
    return tuple(inode(path) for path in (laid.layer, laid.record))


def inode(path: Path) -> int:
    """0 where it is not there."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _compared(layer: Path, known: Rows) -> tuple[Rows, list[str]]:
    """(all that is there, what is not as it is known)."""
    seen: Rows = {}
    altered: list[str] = []
    for path, found in _walk(layer):
        row = known.get(path)
        if row is None:
            altered.append(f"{_shown(path)} was added")
            continue
        same = row.inode == _inode(found)
        seen[path] = row if same else _row(layer, path, found, row.content)
        if how := _how_altered(row, seen[path]):
            altered.append(f"{_shown(path)} {how}")
    altered += [f"{_shown(path)} is gone" for path in known.keys() - seen.keys()]
    return seen, sorted(altered)


def _how_altered(row: Row, seen: Row) -> str:
    was, mode = row.inode.partition(b" ")[0], seen.inode.partition(b" ")[0]
    if row.content != seen.content and was[:-4] == mode[:-4]:
        return "was changed"
    if was[:-4] != mode[:-4]:
        return "is of another kind"
    return "" if was == mode else f"was given mode {mode[-4:].decode()}"


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")[:PATH_CHARS_MAX]


# --- marks ---------------------------------------------------------------------------------------


def _mark(laid: Laid, altered: list[str], now_s: float) -> None:
    """As noticed first: it says since when."""
    if not laid.mark.exists():
        told = Altered(laid.digest, now_s, tuple(altered[:TOLD_MAX]), len(altered))
        _write(laid.mark, msgspec.json.encode(told))


def marked(folder: Path) -> tuple[Path, ...]:
    """Marks of altered layers. `folder`: of all layers."""
    with contextlib.suppress(OSError), os.scandir(folder / MARKS) as entries:
        return tuple(Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name))
    return ()


def _write(path: Path, content: bytes) -> None:
    """Whole. It is not awaited on the disk: what is lost is found out anew."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
