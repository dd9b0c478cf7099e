"""What of a log may be asked for: a source, a dyno, a time to begin at."""

import re

from setpoint.model.errors import Invalid
from setpoint.model.log import LogFilter
from setpoint.policy import times
from setpoint.policy.names import shortened

SOURCES = ("app", "heroku")
DYNO_RE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.\d{1,9})?")


def selected(app: str, source: str, dyno: str, since: str, now_s: float) -> LogFilter:
    """Each as it was said, '' where nothing was. `since`: '10m' ago, a time, or unix seconds.

    Raises Invalid.
    """
    if source and source not in SOURCES:
        raise _refused(app, f"'{shortened(source)}' is no source", f"sources: {', '.join(SOURCES)}")
    if dyno and DYNO_RE.fullmatch(dyno) is None:
        fact = f"'{shortened(dyno)}' is no dyno"
        raise _refused(app, fact, "a dyno (web.1), a process type (web), router or build")
    begin_s = times.past(since, now_s, f"cannot read the logs of '{app}'") if since else 0.0
    return LogFilter(source, dyno, begin_s)


def _refused(app: str, fact: str, hint: str) -> Invalid:
    return Invalid(f"cannot read the logs of '{app}': {fact}", hint)
