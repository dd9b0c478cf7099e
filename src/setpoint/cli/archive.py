"""A folder -> tar.gz, the same bytes for the same content: sorted, no times, no owners.

What must not travel is left out by name or by .slugignore; what could not be unpacked safely is
refused here, before the upload, in the words of the file it is about.
"""

import contextlib
import gzip
import hashlib
import itertools
import os
import stat
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from setpoint.cli.output import size
from setpoint.formats import slugignore
from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.release import (
    SOURCE_BYTES_MAX,
    SOURCE_FILES_MAX,
    SOURCE_UNPACKED_BYTES_MAX,
)
from setpoint.model.text import printable

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".DS_Store"}
)
LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".swp")
WEIGHED_MAX = 4 * SOURCE_FILES_MAX
"""files: more are not looked at to say which folder is the heaviest"""
NEARLY_ALL = 0.8


@dataclass(frozen=True)
class Archive:
    """`file` is open, at its start, and gone when closed."""

    file: IO[bytes]
    digest: str
    packed_bytes: int
    files: int


def pack(folder: Path) -> Archive:
    """Raises Invalid, OverLimit."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 - it leaves here open
    try:
        files = _write(folder, out)
        packed = out.tell()
        if packed > SOURCE_BYTES_MAX:
            raise _too_large(folder, f"it packs to {size(packed)}", SOURCE_BYTES_MAX)
        out.seek(0)
        digest = hashlib.file_digest(out, "sha256").hexdigest()
        out.seek(0)
        return Archive(out, digest, packed, files)
    except OSError as error:
        out.close()
        raise Invalid(f"cannot deploy {folder}: {error.filename}: {error.strerror}") from None
    except BaseException:
        out.close()
        raise


def members(folder: Path) -> Iterator[tuple[str, Path]]:
    """(path inside, path here) of every file and link, sorted."""
    patterns = ignored(folder)
    for here, folders, files in os.walk(folder):
        inside = Path(here).relative_to(folder)
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        folders[:] = sorted(
            n for n in folders if n not in links and not _out(str(inside / n), patterns)
        )
        for name in sorted([*files, *links]):
            if not _out(str(inside / name), patterns):
                yield str(inside / name), Path(here) / name


def ignored(folder: Path) -> tuple[str, ...]:
    """Patterns of its .slugignore."""
    file = folder / slugignore.FILE
    return slugignore.patterns(file.read_bytes()) if file.is_file() else ()


def _out(inside: str, patterns: tuple[str, ...]) -> bool:
    name = os.path.basename(inside)
    if name in LEFT_OUT or name.endswith(LEFT_OUT_SUFFIXES):
        return True
    return slugignore.leaves_out(patterns, inside)


def _write(folder: Path, out: IO[bytes]) -> int:
    count = total = 0
    with (
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for inside, path in members(folder):
            facts = path.lstat()
            count, total = count + 1, total + facts.st_size
            if count > SOURCE_FILES_MAX:
                fact = f"more than {SOURCE_FILES_MAX} files"
                raise OverLimit(f"cannot deploy {folder}: {fact}", _most(folder, by_files=True))
            if total > SOURCE_UNPACKED_BYTES_MAX:  # before anything of it is read
                raise _too_large(folder, "it is too large", SOURCE_UNPACKED_BYTES_MAX)
            _add(tar, folder, inside, path, facts)
    return count


def _add(
    tar: tarfile.TarFile, folder: Path, inside: str, path: Path, facts: os.stat_result
) -> None:
    if any("\udc80" <= char <= "\udcff" for char in inside):
        raise Invalid(
            f"cannot deploy {folder}: the name {inside[-80:]!r} is not UTF-8", "rename it"
        )
    entry = tarfile.TarInfo(inside)
    if stat.S_ISLNK(facts.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, _target(folder, inside, path)
        tar.addfile(entry)
    elif stat.S_ISREG(facts.st_mode):
        entry.size = facts.st_size
        entry.mode = 0o755 if facts.st_mode & 0o111 else 0o644
        with path.open("rb") as content:
            tar.addfile(entry, content)
    else:
        raise Invalid(f"cannot deploy {folder}: {inside} is neither a file nor a link", _hint())


def _target(folder: Path, inside: str, path: Path) -> str:
    """Only links that stay in the folder: anywhere else they lead somewhere else."""
    target = os.readlink(path)
    root = os.path.realpath(folder)
    real = os.path.realpath(path)
    if os.path.isabs(target) or not (real == root or real.startswith(root + os.sep)):
        raise Invalid(f"cannot deploy {folder}: {inside} links out of it, to {target}", _hint())
    return target


def _too_large(folder: Path, fact: str, limit: int) -> OverLimit:
    fact = f"{fact}, at most {size(limit)} may be sent"
    return OverLimit(f"cannot deploy {folder}: {fact}", _most(folder, by_files=False))


def _most(folder: Path, *, by_files: bool) -> str:
    """Where most of it lies, and what to do."""
    weighed = ((inside, 1 if by_files else _bytes(path)) for inside, path in members(folder))
    most = heaviest(itertools.islice(weighed, WEIGHED_MAX))
    words = (f"{printable(name)} {f'{n} files' if by_files else size(n)}" for name, n in most)
    return f"most of it: {', '.join(words)}\n{_hint()}"


def _bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_size
    return 0


def heaviest(weighed: Iterable[tuple[str, int]], count: int = 3) -> list[tuple[str, int]]:
    """(path, its weight) of files, heaviest first; folders end in /. Of the whole, or of the one
    folder in which nearly all of it lies."""
    weights: Counter[str] = Counter()
    for inside, weight in weighed:
        weights[inside] += weight
        for above in Path(inside).parents:
            weights["" if str(above) == "." else f"{above}/"] += weight
    at = ""
    while True:
        below = {n: w for n, w in weights.items() if n and _parent(n) == at}
        first, *rest = Counter(below).most_common(count) or [("", 0)]
        if first[1] < NEARLY_ALL * weights[at] or not first[0].endswith("/"):
            return [first, *rest]
        at = first[0]


def _parent(name: str) -> str:
    above, slash, _ = name.rstrip("/").rpartition("/")
    return above + slash


def _hint() -> str:
    return f"list what need not be deployed in {slugignore.FILE}"
