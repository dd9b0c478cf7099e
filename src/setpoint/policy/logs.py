"""What of a log may be asked for: a source, a dyno, a time to begin at."""

import re
from datetime import UTC, datetime

from setpoint.model.errors import Invalid
from setpoint.model.log import LogFilter
from setpoint.policy.names import shortened

SOURCES = ("app", "heroku")
DYNO_RE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.\d{1,9})?")
AGE_RE = re.compile(r"(\d{1,9})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UNIX_RE = re.compile(r"\d{1,11}(?:\.\d{1,9})?")


def selected(app: str, source: str, dyno: str, since: str, now_s: float) -> LogFilter:
    """Each as it was said, '' where nothing was. `since`: '10m' ago, a time, or unix seconds.

    Raises Invalid.
    """
    if source and source not in SOURCES:
        raise _refused(app, f"'{shortened(source)}' is no source", f"sources: {', '.join(SOURCES)}")
    if dyno and DYNO_RE.fullmatch(dyno) is None:
        fact = f"'{shortened(dyno)}' is no dyno"
        raise _refused(app, fact, "a dyno (web.1), a process type (web), router or build")
    return LogFilter(source, dyno, _since_s(app, since, now_s) if since else 0.0)


def _since_s(app: str, said: str, now_s: float) -> float:
    age = AGE_RE.fullmatch(said)
    if age is not None:
        return max(0.0, now_s - int(age[1]) * SECONDS[age[2]])
    at_s = float(said) if UNIX_RE.fullmatch(said) else _time_s(said)
    if at_s is None:
        fact = f"'{shortened(said)}' is no time"
        raise _refused(app, fact, "give an age (30s, 10m, 2h, 1d) or a time (2026-01-31T12:00)")
    if at_s > now_s:
        raise _refused(app, f"'{shortened(said)}' has not come yet", "times without a zone are UTC")
    return at_s


def _time_s(said: str) -> float | None:
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _refused(app: str, fact: str, hint: str) -> Invalid:
    return Invalid(f"cannot read the logs of '{app}': {fact}", hint)
