"""An uploaded tar.gz, or a tar out of a sandbox -> a folder. Whoever packed it may be hostile.

Stricter than tarfile's own `data` filter: no hard links, nothing twice, no writing through links,
and what unpacks too big dies in the stream, headers included. Modes become 0644 or 0755; owners
and times are forgotten; `.git` is left out.
"""

import contextlib
import errno
import gzip
import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar, cast

from setpoint.drivers.builders import tars
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.model.release import (
    SOURCE_BYTES_MAX,
    SOURCE_FILES_MAX,
    SOURCE_UNPACKED_BYTES_MAX,
)

MIB = 1024 * 1024
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """`ratio`: unpacked to packed, looked at above 16 MiB only: small text shrinks a lot."""

    packed_bytes: int = SOURCE_BYTES_MAX
    unpacked_bytes: int = SOURCE_UNPACKED_BYTES_MAX
    entries: int = SOURCE_FILES_MAX
    path_bytes: int = 1024
    depth: int = 64
    ratio: int = 200


LIMITS = Limits()
HEADER_BYTES = 1024
"""per entry: its header and its padding"""
SOURCE = "the source"
UNREADABLE = (
    *(tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile),
    *(UnicodeError, RecursionError),
)


def unpack(raw: BinaryIO, into: Path, limits: Limits = LIMITS, what: str = SOURCE) -> None:
    """Into the new folder `into`. Raises CannotBuild on anything odd; `into` is then garbage."""
    into.mkdir(mode=0o755)
    with opened(raw, limits, what) as tar:
        _Unpacking(into, limits, what).run(tar)


def unpack_plain(raw: BinaryIO, into: Path, limits: Limits, what: str) -> None:
    """The same for a tar that is not compressed. `what` is for messages."""
    into.mkdir(mode=0o755)
    gate = _Gate(raw, 0, limits, what)
    with _told_as(f"{what} is not a readable tar"), _streamed(gate) as tar:
        _Unpacking(into, limits, what).run(tar)


@contextlib.contextmanager
def opened(
    raw: BinaryIO, limits: Limits = LIMITS, what: str = SOURCE
) -> Generator[tarfile.TarFile]:
    """To be read once from front to back. Raises CannotBuild."""
    packed = os.fstat(raw.fileno()).st_size
    if packed > limits.packed_bytes:
        raise CannotBuild(f"{what} is over {limits.packed_bytes // MIB} MiB")
    with (
        _told_as(f"{what} is not a readable tar.gz"),
        gzip.GzipFile(fileobj=raw, mode="rb") as stream,
        _streamed(_Gate(stream, max(packed, 1), limits, what)) as tar,
    ):
        yield tar


@contextlib.contextmanager
def _told_as(fact: str) -> Generator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise CannotBuild(f"{fact} ({error})") from None


def _streamed(gate: "_Gate") -> tarfile.TarFile:
    return tars.streamed(cast(BinaryIO, gate))


class _Gate:
    """Counts what comes out of gzip: a bomb dies here, not on the disk. `packed`: 0 where nothing
    is compressed."""

    def __init__(
        self, raw: gzip.GzipFile | BinaryIO, packed: int, limits: Limits, what: str
    ) -> None:
        self._raw = raw
        self._packed = packed
        self._limits = limits
        self._what = what
        self._out = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(size)
        self._out += len(data)
        limits = self._limits
        if self._out > limits.unpacked_bytes + limits.entries * HEADER_BYTES:
            raise _too_big(limits, self._what)
        if self._packed and self._out > max(16 * MIB, self._packed * limits.ratio):
            raise CannotBuild(f"{self._what} grows more than {limits.ratio}-fold when unpacked")
        return data


class _Unpacking:
    """One run: what was seen so far, so that nothing comes twice or lies below a file."""

    def __init__(self, into: Path, limits: Limits, what: str) -> None:
        self._into = into
        self._limits = limits
        self._what = what
        self._seen: dict[str, Literal["folder", "file", "link"]] = {}
        self._links: list[tuple[str, str]] = []
        self._entries = 0
        self._bytes = 0

    def run(self, tar: tarfile.TarFile) -> None:
        for member in tar:
            path = _clean(member.name, self._limits, self._what)
            if path is not None and member.type != tarfile.XGLTYPE:
                self._member(tar, member, path)
        self._make_links()

    def _member(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise CannotBuild(f"{self._what} holds more than {self._limits.entries} files")
        self._folders(posixpath.dirname(path))
        if member.isdir():
            self._folders(path)
        elif member.isreg():
            self._file(tar, member, path)
        elif member.issym():
            self._once(path, "link")
            self._links.append((path, member.linkname))
        else:
            kind = "a hard link" if member.islnk() else "a device or a pipe"
            raise self._refused(path, f"{kind} is not accepted")

    def _file(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        self._bytes += member.size
        if self._bytes > self._limits.unpacked_bytes:
            raise _too_big(self._limits, self._what)
        self._once(path, "file")
        content = tar.extractfile(member)
        assert content is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(
            self._made(path, lambda: os.open(self._into / path, flags, 0o600)), "wb"
        ) as file:
            shutil.copyfileobj(content, file, MIB)
            os.fchmod(file.fileno(), 0o755 if member.mode & 0o111 else 0o644)

    def _folders(self, path: str) -> None:
        """Make every folder on the way; all of them are ours, none is a link."""
        done = ""
        for part in path.split("/") if path else ():
            done = f"{done}/{part}" if done else part
            kind = self._seen.get(done)
            if kind is None:
                self._made(done, lambda made=done: os.mkdir(self._into / made, 0o755))
                self._seen[done] = "folder"
            elif kind != "folder":
                raise self._refused(path, f"{done!r} is a {kind} there")

    def _once(self, path: str, kind: Literal["file", "link"]) -> None:
        if path in self._seen:
            raise self._refused(path, "it is in there twice")
        self._seen[path] = kind

    def _make_links(self) -> None:
        """Last: while files are written no link exists, so nothing is written through one.

        Chains and links through links are judged by the file system itself.
        """
        for path, target in self._links:
            if not target or target.startswith("/") or "\0" in target:
                raise self._leaves(path)
            self._made(path, lambda path=path, target=target: os.symlink(target, self._into / path))
        root = os.path.realpath(self._into)
        for path, _ in self._links:
            real = os.path.realpath(self._into / path)
            if real != root and not real.startswith(root + "/"):
                raise self._leaves(path)

    def _made(self, path: str, make: Callable[[], T]) -> T:
        """The operating system's refusal (a name too long, ...) without our own folders."""
        try:
            return make()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._refused(path, error.strerror or "it cannot be made") from None

    def _refused(self, path: str, fact: str) -> CannotBuild:
        return _cannot_unpack(path, fact, self._what)

    def _leaves(self, path: str) -> CannotBuild:
        return self._refused(path, f"the link leaves {self._what}")


def _clean(name: str, limits: Limits, what: str) -> str | None:
    """The path inside the tree, or None for what is left out. Raises CannotBuild."""
    if len(name.encode("utf-8", "surrogateescape")) > limits.path_bytes or "\0" in name:
        raise _cannot_unpack(name, f"the path is longer than {limits.path_bytes} bytes", what)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _cannot_unpack(name, "the path is not UTF-8", what) from None
    if name.startswith("/") or ".." in name.split("/"):
        raise _cannot_unpack(name, f"the path leaves {what}", what)
    path = posixpath.normpath(name)
    if path.count("/") >= limits.depth:
        raise _cannot_unpack(name, f"it is more than {limits.depth} folders deep", what)
    return None if path == "." or path.split("/", 1)[0] == ".git" else path


def _cannot_unpack(path: str, fact: str, what: str) -> CannotBuild:
    return CannotBuild(f"cannot unpack {path[:80]!r} of {what}: {fact}")


def _too_big(limits: Limits, what: str) -> CannotBuild:
    return CannotBuild(f"{what} is more than {limits.unpacked_bytes // MIB} MiB unpacked")
