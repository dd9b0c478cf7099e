"""An unpacked source tree: where it starts, what it holds, and its address by content."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.formats import project, project_toml, slugignore
from setpoint.model.errors import Invalid

MARKERS = (*project.ROOT_FILES, project_toml.FILE, project.FUNCTIONS)
"""A single folder that holds one of these is the project itself, packed with a prefix."""


def root_of(unpacked: Path) -> Path:
    """Archives made with a prefix (`git archive --prefix`) hold one folder with everything."""
    entries = sorted(unpacked.iterdir())
    if len(entries) != 1 or entries[0].is_symlink() or not entries[0].is_dir():
        return unpacked
    return entries[0] if any((entries[0] / name).exists() for name in MARKERS) else unpacked


def files(root: Path) -> Iterator[str]:
    """Every file and link by relative path, in no particular order."""
    for folder, folders, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)
        for name in folders:
            if os.path.islink(path := os.path.join(folder, name)):
                yield os.path.relpath(path, root)


def drop_ignored(root: Path) -> int:
    """Remove what .slugignore names, before anything is built. How many files and folders went.

    Raises CannotBuild."""
    try:
        patterns = slugignore.patterns(read(root, slugignore.FILE, slugignore.BYTES_MAX) or b"")
    except Invalid as error:
        raise CannotBuild(error.message, error.hint) from None
    gone = [path for path in _all(root) if slugignore.leaves_out(patterns, path)]
    for path in gone:
        if (root / path).is_symlink() or not (root / path).is_dir():
            (root / path).unlink(missing_ok=True)
        else:
            shutil.rmtree(root / path)
    return len(gone)


def _all(root: Path) -> list[str]:
    """Files, links and folders by relative path; what is in a folder comes before it."""
    found: list[str] = []
    for folder, folders, names in os.walk(root, topdown=False):
        found += (os.path.relpath(os.path.join(folder, name), root) for name in names)
        found += (os.path.relpath(os.path.join(folder, name), root) for name in folders)
    return found


def digest(root: Path) -> str:
    """sha256 over each path with its content or target and its x bit.

    Empty folders, owners and times don't count. Lengths are part of it, so nothing runs together.
    """
    whole = hashlib.sha256(b"setpoint-tree-1\0")
    for name in sorted(files(root), key=os.fsencode):
        path, kind, content = os.fsencode(name), *_content(root / name)
        whole.update(b"%d:%s%s%d:%s" % (len(path), path, kind, len(content), content))
    return whole.hexdigest()


def _content(path: Path) -> tuple[bytes, bytes]:
    if path.is_symlink():
        return b"l", os.fsencode(os.readlink(path))
    with path.open("rb") as file:
        executable = os.fstat(file.fileno()).st_mode & 0o100
        return b"x" if executable else b"f", hashlib.file_digest(file, "sha256").digest()


def ours_to_write(root: Path, name: str) -> bool:
    """May we put a file there? Not where a link would lead us elsewhere, or a folder stands."""
    file = root / name
    folder_is_plain = not file.parent.is_symlink() and (
        file.parent.is_dir() or not file.parent.exists()
    )
    return folder_is_plain and not file.is_symlink() and not file.is_dir()


def leaving(root: Path) -> str | None:
    """A link that by now leads out of the tree, or None. Unpacking judged each by what lay on its
    way then."""
    top = os.path.realpath(root)
    for name in files(root):
        path = os.path.join(root, name)
        if os.path.islink(path):
            real = os.path.realpath(path)
            if real != top and not real.startswith(f"{top}/"):
                return name
    return None


def read(root: Path, name: str, bytes_max: int) -> bytes | None:
    """A file's first `bytes_max` bytes, or None where there is none. Links stay inside the tree:
    unpacking saw to that."""
    try:
        with (root / name).open("rb") as file:
            return file.read(bytes_max)
    except OSError:
        return None
