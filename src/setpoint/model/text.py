"""Foreign text as it may be shown: what an app, a tool or a person wrote never moves a cursor."""

import re
from datetime import UTC, datetime
from typing import cast

DIGEST_RE = re.compile(r"[0-9a-f]{64}")
DIGEST_CHARS = 12
"""As many as the build's output and `setpoint info` show."""


def printable(text: str) -> str:
    """One line: control characters, line breaks included, are spelled out."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> list[str]:
    """As many lines as it has, each printable; none for nothing but white space."""
    return [printable(line.expandtabs(4)) for line in text.strip().splitlines()]


def told(value: object) -> str:
    """One value of an intent document as a person would say it: digests are cut short."""
    if value is None:
        return "not set"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(told, cast("tuple[object, ...]", value)))
    text = str(value)
    return text[:DIGEST_CHARS] if DIGEST_RE.fullmatch(text) else printable(text)


def when(at_s: float) -> str:
    """Unix seconds as '2026-09-21 14:13:20 UTC'."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _escaped(c: str) -> str:
    return c.encode("unicode_escape").decode()
