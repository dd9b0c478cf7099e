"""Log lines as Heroku sends them on: RFC 5424's header, and frames by their length (RFC 6587).

As there, no structured data stands before the message. To a syslog receiver a drain's token is the
host a line comes from; to an https one all lines come from `host`, and the token is in a header.
"""

from datetime import UTC, datetime

from setpoint.formats.control import LogLine
from setpoint.formats.heroku.log_lines import BREAK_RE
from setpoint.model.drain import Frame, token

CONTENT_TYPE = "application/logplex-1"
HOST = "host"
APP, PLATFORM, ROUTER, LOST = 190, 45, 158, 172
"""local7.info, syslog.notice, local3.info, local5.warning: as on Heroku."""
SAYS_LOST = "Error L10 (output buffer overflow): "


def message(line: LogLine, host: str) -> bytes:
    """One line, framed."""
    at = datetime.fromtimestamp(line.at_s, UTC).isoformat(timespec="microseconds")
    return _framed(_priority(line), at, host, line.source, line.dyno, line.text)


def lost(count: int, since_s: float, at_s: float, host: str) -> bytes:
    """What stands in place of lines that there was no room for. `count` 0: nobody knows."""
    return _framed(LOST, _seconds(at_s), host, "heroku", "logplex", lost_text(count, since_s))


def lost_text(count: int, since_s: float, drain: str = "") -> str:
    """`drain`: which one it was, as an app's own log tells it."""
    messages = f"{count} messages" if count else "an unknown number of messages"
    told = f"{SAYS_LOST}{messages} dropped since {_seconds(since_s)}"
    return f"{told}; drain {token(drain)}" if drain else f"{told}."


def is_about_drains(line: LogLine) -> bool:
    """What we wrote into the app's log of a drain: sent on it would go round."""
    return line.source == "heroku" and line.dyno == "logplex" and "; drain d." in line.text


def headers(frame: Frame, drain: str) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "Logplex-Msg-Count": str(len(frame.messages)),
        "Logplex-Frame-Id": frame.id,
        "Logplex-Drain-Token": token(drain),
        "User-Agent": "Logplex/v1 (setpoint)",
    }


def _framed(priority: int, at: str, host: str, app: str, process: str, text: str) -> bytes:
    told = f"<{priority}>1 {at} {host} {app} {process} - {BREAK_RE.sub(' ', text)}\n"
    content = told.encode(errors="replace")
    return b"%d %b" % (len(content), content)


def _priority(line: LogLine) -> int:
    if line.source == "app":
        return APP
    return ROUTER if line.dyno == "router" else PLATFORM


def _seconds(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
