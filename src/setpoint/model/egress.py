"""The way out of an app: whom its processes may connect to.

An egress is a tuple of words, as somebody said them: `('internet',)` for all public addresses,
ranges of addresses like `'10.0.3.0/24'` beside it or instead of it, or `('none',)`. `()`: nobody
said anything, which means the internet where that can be had.
"""

from ipaddress import IPv4Network, collapse_addresses
from typing import Literal

Egress = tuple[str, ...]

INTERNET: Egress = ("internet",)
NONE: Egress = ("none",)
RANGES_MAX = 32
"""per app"""

EgressOffer = Literal["public", "none", "machine"]
"""What a level can hold. 'public': what was asked for, and nothing else. 'none': no way out,
whatever is wanted. 'machine': everything the machine itself reaches, whatever is wanted."""

NEVER_OPENED = tuple(
    IPv4Network(block)
    for block in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24"),
        *("198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
"""Not even by name: loopback, link-local (where clouds keep a machine's credentials), multicast,
reserved, relays of 6to4, and 198.18 and 198.19, from which apps themselves have their addresses."""

NOT_PUBLIC = (
    *NEVER_OPENED,
    *(
        IPv4Network(block)
        for block in (
            *("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"),
            *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
        )
    ),
)
"""With IANA's other special addresses: private, shared by a carrier, and for documentation. Open to
who names them."""


def inner_ranges() -> tuple[tuple[int, int], ...]:
    """(first, last) of everything that is not public, in order, no two of them adjacent."""
    ranges: list[tuple[int, int]] = []
    for block in collapse_addresses(NOT_PUBLIC):
        first, last = int(block.network_address), int(block.broadcast_address)
        if ranges and ranges[-1][1] + 1 == first:
            first = ranges.pop()[0]
        ranges.append((first, last))
    return tuple(ranges)


def named_ranges(egress: Egress) -> tuple[IPv4Network, ...]:
    """In order, no two of them overlapping. Raises ValueError for what was never checked."""
    named = [IPv4Network(word) for word in egress if word not in ("internet", "none")]
    return tuple(collapse_addresses(named))


def words(egress: Egress) -> str:
    """'internet 10.0.3.0/24' or 'none'."""
    return " ".join(egress or INTERNET)
