"""A .slugignore's text -> what stays out of the slug. Pure.

Heroku's rule: one shell pattern a line, read from the source's root; no exceptions with `!`. A
pattern without a path counts for any file or folder of that name.
"""

import re
from fnmatch import translate
from functools import lru_cache

from setpoint.model.errors import Invalid

FILE = ".slugignore"
BYTES_MAX = 64 * 1024
PATTERNS_MAX = 1000
"""each is looked for in the name and the path of every file"""


def patterns(data: bytes) -> tuple[str, ...]:
    """Of the file's first `BYTES_MAX` bytes. Lines starting with # say nothing. Raises Invalid."""
    lines = (line.strip() for line in data[:BYTES_MAX].decode("utf-8", "replace").splitlines())
    found = tuple(line.strip("/") for line in lines if line.strip("/") and line[0] != "#")
    if len(found) > PATTERNS_MAX:
        raise Invalid(
            f"cannot read {FILE}: {len(found)} patterns, at most {PATTERNS_MAX}",
            "name folders in place of what lies in them",
        )
    return found


def leaves_out(patterns: tuple[str, ...], path: str) -> bool:
    """`path`: of a file or a folder, relative, with /. What is in a folder goes with it."""
    any_of = _compiled(patterns)
    return bool(any_of.match(path) or any_of.match(path.rpartition("/")[2]))


@lru_cache(maxsize=1)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """All at once: one by one, a thousand patterns take a minute for 50,000 files."""
    return re.compile("|".join(map(translate, patterns)) if patterns else r"(?!)")
