"""Times as a person says them: a span, a date, a time, or unix seconds."""

import re
from datetime import UTC, datetime

from setpoint.model.errors import Invalid
from setpoint.policy.names import shortened

SPAN_RE = re.compile(r"(\d{1,9})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UNIX_RE = re.compile(r"\d{1,11}(?:\.\d{1,9})?")
COMING_S_MAX = 366 * 86_400.0
"""What lies further ahead was hardly meant."""


def past(said: str, now_s: float, failing: str) -> float:
    """Unix seconds. `failing`: 'cannot read the logs of 'shop''. Raises Invalid."""
    span_s = _span_s(said)
    at_s = max(0.0, now_s - span_s) if span_s is not None else _moment_s(said)
    if at_s is None:
        raise Invalid(
            f"{failing}: '{shortened(said)}' is no time",
            "give an age (30s, 10m, 2h, 1d) or a time (2026-01-31T12:00)",
        )
    if at_s > now_s:
        raise Invalid(
            f"{failing}: '{shortened(said)}' has not come yet", "times without a zone are UTC"
        )
    return at_s


def coming(said: str, now_s: float, failing: str) -> float:
    """Unix seconds, a year ahead at most. Raises Invalid."""
    span_s = _span_s(said)
    at_s = now_s + span_s if span_s is not None else _moment_s(said)
    if at_s is None:
        raise Invalid(
            f"{failing}: '{shortened(said)}' is no time",
            "give a time from now (30s, 90m, 2h, 3d) or a time (2026-01-31T12:00)",
        )
    if not now_s < at_s <= now_s + COMING_S_MAX:
        raise Invalid(
            f"{failing}: '{shortened(said)}' is over, or more than a year ahead",
            "times without a zone are UTC",
        )
    return at_s


def _span_s(said: str) -> float | None:
    match = SPAN_RE.fullmatch(said)
    return float(int(match[1]) * SECONDS[match[2]]) if match is not None else None


def _moment_s(said: str) -> float | None:
    if UNIX_RE.fullmatch(said):
        return float(said)
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
