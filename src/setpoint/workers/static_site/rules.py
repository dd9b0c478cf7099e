"""What a static.json says of a path. Pure."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Rules = Sequence[Mapping[str, Any]]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*`: one part of a path; `**`: any number of them."""
    parts = (
        {"**": ".*", "*": "[^/]*"}.get(part, re.escape(part))
        for part in re.split(r"(\*\*|\*)", pattern)
    )
    return re.compile("".join(parts))


def matches(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path) is not None


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
