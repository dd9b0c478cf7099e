"""What a request's headers say: token, via, why, request id. Pure text in, values out."""

import base64
import binascii
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from setpoint.model.change import Via, WhySource

WHY_BYTES_MAX = 20_000
"""What still passes through the stock Heroku client."""
REQUEST_ID_RE = re.compile(r"[A-Za-z0-9._-]{1,64}")

PRODUCT_RE = re.compile(r"[A-Za-z0-9._-]{1,40}/[A-Za-z0-9._-]{1,20}")


def token(authorization: str) -> str:
    """Of `Bearer T`, or Basic with T as the password and any user name; '' if there is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return basic(authorization)[1]
        case _:
            return ""


def basic(authorization: str) -> tuple[str, str]:
    """(name, password) as they were sent, '' for each that was not. Clients that have a token and
    no password send it as one, of no name."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, _, password = decoded.partition(":")
    return name, password


def via(named: str, user_agent: str) -> Via:
    """Our own command line names itself; others are known by their user agent."""
    if named == "cli":
        return "cli"
    if is_git(user_agent):
        return "git"
    return "heroku" if "heroku" in user_agent.lower() else "api"


def product(user_agent: str) -> str:
    """`heroku-cli/11.10.0`, of all that a client tells of itself; '' for what is no product."""
    found = PRODUCT_RE.match(user_agent)
    return found[0] if found is not None else ""


def is_git(user_agent: str) -> bool:
    """git shows what it is refused only where that is plain text."""
    return user_agent.startswith("git/")


def why(header: str) -> str:
    """The human's words, bounded. What of it may be recorded is policy's to say."""
    return text(header[: 2 * WHY_BYTES_MAX]).encode()[:WHY_BYTES_MAX].decode(errors="ignore")


def text(header: str) -> str:
    """What a person wrote: RFC 2047 decoded, UTF-8 that came as Latin-1 repaired; what no UTF-8 can
    say is left out."""
    return _decoded(header).encode(errors="ignore").decode()


def _decoded(header: str) -> str:
    if "=?" not in header:
        return _repaired(header)
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, LookupError, ValueError, IndexError):
        return header  # a charset of Python's own that fails in its own way (undefined, ...)


def why_source(named: str, header: str) -> WhySource:
    """Our own command line says whose words they are."""
    if not header:
        return "none"
    return named if named in ("flag", "commit", "env") else "header"


def _repaired(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def request_id(header: str) -> str:
    """The caller's own, if it sent exactly one; Heroku's client sends a growing list. Else ''."""
    return header if REQUEST_ID_RE.fullmatch(header) else ""
