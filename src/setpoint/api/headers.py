"""What a request's headers say: token, via, why, request id. Pure text in, values out."""

import base64
import binascii
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from setpoint.model.change import Via

WHY_BYTES_MAX = 20_000
"""What still passes through the stock Heroku client."""
REQUEST_ID_RE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def token(authorization: str) -> str:
    """Of `Bearer T`, or Basic with T as the password and any user name; '' if there is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return _basic_password(rest.strip())
        case _:
            return ""


def _basic_password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]


def via(named: str, user_agent: str) -> Via:
    """Our own command line names itself; Heroku's clients are known by their user agent."""
    if named == "cli":
        return "cli"
    return "heroku" if "heroku" in user_agent.lower() else "api"


def why(header: str) -> str:
    """The human's words: RFC 2047 decoded, UTF-8 that came as Latin-1 repaired, bounded.

    What of it may be recorded is policy's to say.
    """
    text = header[: 2 * WHY_BYTES_MAX]
    if "=?" in text:
        try:
            text = str(make_header(decode_header(text)))
        except (HeaderParseError, LookupError, ValueError, IndexError):
            pass  # a charset of Python's own that fails in its own way (undefined, punycode, ...)
    else:
        text = _repaired(text)
    return text.encode(errors="ignore")[:WHY_BYTES_MAX].decode(errors="ignore")


def _repaired(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def request_id(header: str) -> str:
    """The caller's own, if it sent exactly one; Heroku's client sends a growing list. Else ''."""
    return header if REQUEST_ID_RE.fullmatch(header) else ""
