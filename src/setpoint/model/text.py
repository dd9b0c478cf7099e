"""Foreign text as it may be shown: what an app, a tool or a person wrote never moves a cursor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HEX = frozenset("0123456789abcdef")
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
        several: Iterable[object] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(map(told, several))
    text = str(value)
    digest = len(text) == 64 and HEX.issuperset(text)
    return text[:DIGEST_CHARS] if digest else printable(text)


def when(at_s: float) -> str:
    """Unix seconds as '2026-09-21 14:13:20 UTC'."""
    # Not at the top: the command line pays for every import, and has no times to tell.
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _escaped(c: str) -> str:
    return c.encode("unicode_escape").decode()
