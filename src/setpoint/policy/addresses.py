"""Which addresses may be reached for a user: what is public, and what the operator opened.

One judgement for all that goes out on somebody's word: sources and buildpacks that are fetched,
digests, drains, webhooks.
"""

import ipaddress
from collections.abc import Mapping

from setpoint.model.errors import Terminal

ALLOW = "SETPOINT_OUTBOUND_ALLOW"
"""The operator's: networks that are neither public nor forbidden, as `10.1.0.0/16,fd00::/8`."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TRANSLATED = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)
"""An IPv4 address in their last 32 bits: RFC 4291, 2765 and 6052."""
OWN = (ipaddress.IPv6Address("::1"), ipaddress.IPv6Address("::"))
"""Look translated, and are not."""
NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
"""RFC 8215: how a site puts IPv4 addresses in there is its own affair"""


def permits(address: str, allowed: tuple[Network, ...]) -> bool:
    """Also what it leads to by way of a translator or a tunnel must be. Raises ValueError for what
    is no address."""
    return all(_permits(ip, allowed) for ip in _ends(ipaddress.ip_address(address)))


def refused(host: str, allowed: tuple[Network, ...]) -> bool:
    """By what is said alone: an address that is not public, or a name that only this machine
    knows. Whatever else a name leads to is judged when it is connected to."""
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return not any(permits(local, allowed) for local in ("127.0.0.1", "::1"))
    try:
        return not permits(name, allowed)
    except ValueError:
        return False


def _permits(ip: Address, allowed: tuple[Network, ...]) -> bool:
    local = ip.is_multicast or (ip.version == 6 and (ip.is_site_local or ip in NAT64_LOCAL))
    public = ip.is_global and not local
    return public or any(ip in network for network in allowed)


def _ends(ip: Address) -> tuple[Address, ...]:
    """Where a connection to it may come out. Of the IPv4 address in a translated one that alone;
    a tunnel's own address counts too."""
    if ip.version == 4 or ip in OWN:
        return (ip,)
    if any(ip in network for network in TRANSLATED):
        return (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF),)
    inner = (ip.sixtofour, *(ip.teredo or ()))
    return (ip, *filter(None, inner))


def networks(operator: Mapping[str, str]) -> tuple[Network, ...]:
    """Raises Terminal."""
    words = operator.get(ALLOW, "").replace(",", " ").split()
    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words)
    except ValueError as error:
        raise Terminal(f"cannot read {ALLOW}: {error}") from None
