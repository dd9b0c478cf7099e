"""Times as a person says them: an age, a date, a time, or unix seconds."""

import re
from datetime import UTC, datetime

from setpoint.model.errors import Invalid
from setpoint.policy.names import shortened

AGE_RE = re.compile(r"(\d{1,9})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UNIX_RE = re.compile(r"\d{1,11}(?:\.\d{1,9})?")


def past(said: str, now_s: float, failing: str) -> float:
    """Unix seconds. `failing`: 'cannot read the logs of 'shop''. Raises Invalid."""
    age = AGE_RE.fullmatch(said)
    if age is not None:
        return max(0.0, now_s - int(age[1]) * SECONDS[age[2]])
    at_s = float(said) if UNIX_RE.fullmatch(said) else _time_s(said)
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


def _time_s(said: str) -> float | None:
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
