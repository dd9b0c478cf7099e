"""SSH keys and OAuth clients: how many, and what one may be called and lead back to."""

import re
from urllib.parse import urlsplit

from setpoint.model.errors import Invalid, OverLimit

KEYS_MAX, CLIENTS_MAX = 100, 50
"""of one account"""
NAME_CHARS_MAX = 100
URI_CHARS_MAX = 2000
HOST_RE = re.compile(r"[a-z0-9_.-]{1,253}|[0-9a-f.:]{2,45}")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_keys(count: int, failing: str) -> None:
    if count >= KEYS_MAX:
        raise OverLimit(f"{failing}: there are {KEYS_MAX} already", "heroku keys:remove COMMENT")


def check_clients(count: int, failing: str) -> None:
    if count >= CLIENTS_MAX:
        raise OverLimit(f"{failing}: there are {CLIENTS_MAX} already", "heroku clients:destroy ID")


def client_name(said: str, failing: str) -> str:
    if not 0 < len(said) <= NAME_CHARS_MAX or not said.isprintable() or said.strip() != said:
        raise Invalid(
            f"{failing}: its name is not valid",
            f"one line of 1 to {NAME_CHARS_MAX} characters, none of them a space at an end",
        )
    return said


def redirect_uri(said: str, failing: str) -> str:
    """As it was said, which is not repeated: it may hold a secret. Raises Invalid."""
    if len(said) > URI_CHARS_MAX or not said.isascii() or not said.isprintable() or " " in said:
        raise Invalid(
            f"{failing}: the redirect URL is not valid",
            f"at most {URI_CHARS_MAX} ASCII characters without spaces",
        )
    scheme, host = _scheme_and_host(said, failing)
    if scheme == "http" and host not in LOOPBACK:
        raise Invalid(
            f"{failing}: its redirect URL is http, which is for this machine alone",
            "give one that begins https://, or http://localhost",
        )
    return said


def _scheme_and_host(said: str, failing: str) -> tuple[str, str]:
    hint = "give one that begins https:// and names a host"
    try:
        parts = urlsplit(said)
        _ = parts.port  # read late otherwise, and then it may fail
    except ValueError:
        raise Invalid(f"{failing}: the redirect URL cannot be read", hint) from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or HOST_RE.fullmatch(host) is None:
        raise Invalid(f"{failing}: that is no redirect URL", hint)
    if "@" in parts.netloc or "#" in said:
        raise Invalid(f"{failing}: a redirect URL has neither a user nor a fragment")
    return parts.scheme, host
