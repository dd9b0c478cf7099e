"""Heroku's router line, from one entry of Envoy's access log."""

import re

import msgspec

from setpoint.formats.envoy import replies
from setpoint.formats.envoy.replies import BY_LABEL, Reply

TEXT_MAX = 2000
"""characters of one quoted value: a path can be 32 KiB"""

BY_UPSTREAM = "via_upstream"
"""Envoy's word for an answer that is the app's own; a code in its headers is then only a claim."""


class Entry(msgspec.Struct, frozen=True):
    """What the access log says of one finished request. Times in ms, `at_s` in unix seconds.

    `flags`: the names of Envoy's response flags. `error`: the header our replies carry.
    """

    app: str
    at_s: float
    method: str
    path: str
    host: str
    request_id: str
    forwarded_for: str
    status: int
    bytes: int
    protocol: str
    connect_ms: float
    service_ms: float
    held_ms: float = 0.0
    waited_ms: float = 0.0
    """from the request's last byte to the answer's first, or to the end of who got none"""
    error: str = ""
    details: str = ""
    flags: tuple[str, ...] = ()
    upstream: str = ""
    """where it went: 'ip:port' or a socket path"""
    cluster: str = ""


def fault(entry: Entry) -> Reply | None:
    """The error this request ended with, None if the app answered it."""
    if entry.error in BY_LABEL and entry.details != BY_UPSTREAM:
        return BY_LABEL[entry.error]
    if "downstream_connection_termination" in entry.flags:
        return replies.CLIENT_LEFT
    if "stream_idle_timeout" in entry.flags:
        return replies.IDLE
    if entry.details.startswith("upstream_reset_after_response_started"):
        return replies.INTERRUPTED
    return None


def router_line(entry: Entry, dyno: str) -> str:
    """`dyno`: 'web.1', or '' when the request reached none."""
    wrong = fault(entry)
    status = replies.CLIENT_LEFT.status if wrong is replies.CLIENT_LEFT else entry.status
    return " ".join(
        (
            *_verdict(wrong),
            f"method={_word(entry.method)}",
            f'path="{_quoted(entry.path)}"',
            f"host={_word(entry.host)}",
            f"request_id={_word(entry.request_id)}",
            f'fwd="{_quoted(entry.forwarded_for)}"',
            f"dyno={dyno}",
            f"connect={max(0, round(entry.connect_ms - entry.held_ms))}ms",
            f"service={max(0, round(entry.service_ms))}ms",
            f"status={status}",
            f"bytes={entry.bytes}",
            f"protocol={entry.protocol}",
        )
    )


_LEVELS = {replies.CLIENT_LEFT.id: "warning", replies.MAINTENANCE.id: "info"}
"""Heroku's, where they are not `error`: one is the caller's doing, the other was wanted."""


def _verdict(wrong: Reply | None) -> tuple[str, ...]:
    """Heroku has no codes for what is the caller's own doing, such as a missing key."""
    if wrong is None or not wrong.code:
        return ("at=info",)
    return f"at={_LEVELS.get(wrong.id, 'error')}", f"code={wrong.code}", f'desc="{wrong.message}"'


_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')


def _quoted(text: str) -> str:
    """Nothing in here may end the quotes or the line."""
    return _UNSAFE.sub(lambda m: f"%{ord(m.group()) & 0xFF:02X}", text[:TEXT_MAX])


def _word(text: str) -> str:
    return _quoted(text).replace(" ", "%20")
