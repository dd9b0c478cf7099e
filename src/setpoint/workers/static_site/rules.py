"""What a static.json says of a path. Pure."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Rules = Sequence[Mapping[str, Any]]


class _Pattern:
    """`*`: one part of a path; `**`: any number of them.

    Every place in the pattern that the path may have come to is a bit, and all go on at once: the
    time is the path's length, whatever the pattern. A regular expression would try each way.
    """

    def __init__(self, pattern: str) -> None:
        self._at: dict[str, int] = {}
        self._parts = self._any = 0
        pieces = re.findall(r"\*+|[^*]", pattern)
        for place, piece in enumerate(pieces):
            if piece == "*":
                self._parts |= 1 << place
            elif piece[0] == "*":
                self._any |= 1 << place
            else:
                self._at[piece] = self._at.get(piece, 0) | 1 << place
        self._end = 1 << len(pieces)

    def matches(self, path: str) -> bool:
        now = self._past(1)
        for letter in path:
            stays = now & (self._any if letter == "/" else self._any | self._parts)
            now = self._past(stays | (now & self._at.get(letter, 0)) << 1)
        return bool(now & self._end)

    def _past(self, places: int) -> int:
        """A star may stand for nothing; no two follow each other."""
        return places | (places & (self._any | self._parts)) << 1


_compiled = cache(_Pattern)


def matches(pattern: str, path: str) -> bool:
    return _compiled(pattern).matches(path)


def route(routes: Rules, path: str) -> str:
    """The file that stands for this path, or ''."""
    for rule in routes:
        unless = rule["unless"]
        if matches(rule["pattern"], path) and not (unless and path.startswith(unless)):
            return rule["file"]
    return ""


def headers(rules: Rules, path: str) -> dict[str, str]:
    """Later rules win over earlier ones."""
    found: dict[str, str] = {}
    for rule in rules:
        if matches(rule["pattern"], path):
            found.update({name.lower(): value for name, value in rule["fields"].items()})
    return found


def hidden(names: Sequence[str], path: str) -> bool:
    """`path`: below the root. Dotfiles are nobody's business, but for /.well-known."""
    parts = path.split("/")
    dotted = any(part.startswith(".") and part != ".well-known" for part in parts)
    return dotted or path in names
