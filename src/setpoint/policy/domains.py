"""Which hosts an app may answer at besides its own."""

import ipaddress
import re
from collections.abc import Sequence

from setpoint.model.errors import Conflict, Invalid, NotFound, OverLimit
from setpoint.policy.names import shortened

DOMAINS_MAX = 100
HOST_RE = re.compile(
    r"(?=.{4,253}$)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{2,63}(?<!-)", re.ASCII
)


def added(app: str, now: Sequence[str], said: str) -> tuple[str, ...]:
    """With this one, as they are kept. Raises Invalid, Conflict and OverLimit."""
    host = _host(said)
    failing = f"cannot add the domain '{shortened(host)}' to '{app}'"
    if host.startswith("*."):
        raise Invalid(f"{failing}: a wildcard is none here", "add each host by its name")
    if not host.isascii():
        raise Invalid(
            f"{failing}: it has other letters than ASCII", "give it in the form that begins xn--"
        )
    if HOST_RE.fullmatch(host) is None or _is_address(host):
        raise Invalid(f"{failing}: not the name of a host", "a domain is like www.example.com")
    if host.endswith(".localhost"):
        raise Invalid(f"{failing}: hosts below localhost are apps' own")
    if host in now:
        raise Conflict(f"{failing}: it has that one already")
    if len(now) >= DOMAINS_MAX:
        raise OverLimit(f"{failing}: it has {len(now)}, at most {DOMAINS_MAX} are allowed")
    return tuple(sorted((*now, host)))


def declared(app: str, said: Sequence[str]) -> tuple[str, ...]:
    """These and no others, as they are kept. Raises as `added` does."""
    kept: tuple[str, ...] = ()
    for host in said:
        kept = added(app, kept, host)
    return kept


def removed(app: str, now: Sequence[str], said: str) -> tuple[str, ...]:
    """Without this one. Raises NotFound."""
    host = _host(said)
    if host not in now:
        raise NotFound(f"cannot remove the domain '{shortened(host)}': '{app}' has no such domain")
    return tuple(domain for domain in now if domain != host)


def _host(said: str) -> str:
    """A final dot and upper case mean nothing in a host's name."""
    return said.strip().lower().removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
