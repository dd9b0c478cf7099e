"""Log lines as Heroku's clients read them: plain, or as server-sent events to resume from."""

import re
import zlib
from datetime import UTC, datetime

from setpoint.formats.control import LogLine

RETRY = b"retry: 10\n\n"
"""Milliseconds. Without it Heroku's client waits three seconds at the end of every log."""
BREAK_RE = re.compile(r"[\r\n]+")
MARK_RE = re.compile(r"(\d{1,20})-([0-9a-f]{8})")


def text(at_s: float, source: str, dyno: str, told: str) -> str:
    """`2026-01-01T12:00:00.000000+00:00 app[web.1]: text`"""
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds")
    return f"{at} {source}[{dyno}]: {told}"


def plain(line: LogLine) -> bytes:
    return f"{_text(line)}\n".encode(errors="replace")


def event(line: LogLine) -> bytes:
    return f"id: {mark(line)}\ndata: {_text(line)}\n\n".encode(errors="replace")


def mark(line: LogLine) -> str:
    """By which a line is found again: lines have no numbers, and two may have one time."""
    told = f"{line.source}[{line.dyno}]{line.text}".encode(errors="replace")
    return f"{int(line.at_s * 1_000_000)}-{zlib.crc32(told):08x}"


def marked_at_s(mark: str) -> float | None:
    """When the line with this mark was written; None for what is no mark."""
    found = MARK_RE.fullmatch(mark)
    return int(found[1]) / 1_000_000 if found is not None else None


def _text(line: LogLine) -> str:
    """On one line, whatever the program wrote: a break would begin a new field of the event."""
    return text(line.at_s, line.source, line.dyno, BREAK_RE.sub(" ", line.text))
