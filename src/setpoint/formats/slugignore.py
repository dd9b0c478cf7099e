"""A .slugignore's text -> what stays out of the slug. Pure.

Heroku's rule: one shell pattern a line, read from the source's root; no exceptions with `!`. A
pattern without a path counts for any file or folder of that name.
"""

from fnmatch import fnmatchcase

FILE = ".slugignore"
BYTES_MAX = 64 * 1024


def patterns(data: bytes) -> tuple[str, ...]:
    """Of the file's first `BYTES_MAX` bytes. Lines starting with # say nothing."""
    lines = (line.strip() for line in data[:BYTES_MAX].decode("utf-8", "replace").splitlines())
    return tuple(line.strip("/") for line in lines if line.strip("/") and line[0] != "#")


def leaves_out(patterns: tuple[str, ...], path: str) -> bool:
    """`path`: of a file or a folder, relative, with /. What is in a folder goes with it."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path, p) or fnmatchcase(name, p) for p in patterns)
