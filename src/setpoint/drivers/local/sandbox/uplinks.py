"""The machine's own links: which lead out, and that they forward for apps and nobody else.

`ip_forward` is never touched: it would make the machine a router for everybody. Each link that is
needed forwards by its own switch, and a guard, one for all installations of a machine, drops what
others would send through it. Whoever sets `ip_forward` themselves wants a router: then the guard
goes, for we have no say in that.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from setpoint.drivers.local.sandbox import nftables as nft
from setpoint.drivers.local.sandbox.netlink import Message
from setpoint.drivers.local.sandbox.wall import LINK_PREFIX, Wall
from setpoint.model.egress import NOT_PUBLIC

NAMESERVER = "SETPOINT_NAMESERVER"
"""an IPv4 address; else the first that resolv.conf names"""
_RESOLV_CONF = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
"""systemd's own first: the other one may name a stub on loopback, where no app can be led"""
_SWITCHES = Path("/proc/sys/net/ipv4")
_GUARD, _OPENED = nft.Table("setpoint-uplinks"), "opened"
"""`opened`: links that forward for apps' sake"""
_BEFORE_OTHER_FILTERS = -150
_LINK_BYTES = 16
Route = tuple[str, IPv4Network]


def refresh(wall: Wall) -> None:
    """As the machine's routes and its nameserver are now. Cheap when nothing changed. OSError."""
    server, routes = nameserver(), _routes()
    named = wall.named()
    links = {link for link, network in routes if _leads_out(network) or _meets(named, network)}
    links |= _way_to(routes, server)
    wall.set_uplinks(links)
    wall.set_nameserver(server)
    _open(links)


def restore() -> None:
    """When no app of any installation is left: what was opened is closed. Raises OSError."""
    if not _is_router():
        for link in opened():
            with contextlib.suppress(OSError):  # it may be gone
                _switch(link, on=False)
    nft.transaction(_GUARD.remove())


def opened() -> frozenset[str]:
    """Links that forward for the sake of apps, and would not otherwise. Raises OSError."""
    if not _GUARD.stands():
        return frozenset()
    return frozenset(k.rstrip(b"\0").decode() for k, _ in _GUARD.elements(_OPENED))


def forward(link: str) -> None:
    """An app's own link forwards what it is sent. Raises OSError."""
    if not _forwards(link):
        _switch(link, on=True)


def nameserver() -> str | None:
    """None where the machine's is on loopback, or there is none for IPv4."""
    named = os.environ.get(NAMESERVER, "")
    return next((a for a in (named, *_configured()) if _is_reachable(a)), None)


def may_switch() -> bool:
    """Can links be told to forward? Call it where nobody is affected."""
    try:
        _switch("lo", on=True)
    except OSError:
        return False
    return _forwards("lo")


# --- forwarding ---------------------------------------------------------------------------------


def _open(links: Iterable[str]) -> None:
    """Guarded before it forwards, so that nobody slips through."""
    if _is_router():
        if _GUARD.stands():
            nft.transaction(_GUARD.remove())
        return
    for link in links:
        if not _forwards(link):
            _guard(link)
            _switch(link, on=True)


def _guard(link: str) -> None:
    built = [] if _GUARD.stands() else _guard_of_nothing()
    nft.transaction([*built, _GUARD.element(_OPENED, (nft.link_key(link), b""))])


def _guard_of_nothing() -> list[Message]:
    elsewhere = nft.compare(LINK_PREFIX.encode(), nft.meta(nft.OUTPUT_LINK), nft.UNEQUAL)
    by_opened = nft.within(_OPENED, nft.meta(nft.INPUT_LINK))
    return [
        _GUARD.add(),
        _GUARD.set(_OPENED, _LINK_BYTES),
        _GUARD.chain("forward", nft.FORWARD, _BEFORE_OTHER_FILTERS),
        _GUARD.rule("forward", by_opened, elsewhere, nft.verdict(nft.DROP)),
    ]


def _is_router() -> bool:
    return (_SWITCHES / "ip_forward").read_text().strip() == "1"


def _forwards(link: str) -> bool:
    with contextlib.suppress(OSError):
        return _switch_of(link).read_text().strip() == "1"
    return False


def _switch(link: str, *, on: bool) -> None:
    _switch_of(link).write_text("1" if on else "0")


def _switch_of(link: str) -> Path:
    return _SWITCHES / "conf" / link / "forwarding"


# --- routes and names ---------------------------------------------------------------------------


def _meets(spans: frozenset[tuple[int, int]], network: IPv4Network) -> bool:
    own_first, own_last = int(network.network_address), int(network.broadcast_address)
    return any(first <= own_last and own_first <= last for first, last in spans)


def _configured() -> list[str]:
    for path in _RESOLV_CONF:
        with contextlib.suppress(OSError):
            lines = (line.split() for line in path.read_text(errors="replace").splitlines())
            return [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]
    return []


def _is_reachable(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return not IPv4Address(address).is_loopback
    return False


def _routes() -> list[Route]:
    """(link, destination) of the main table, but for apps' own links and loopback. What is routed
    nowhere has no link ('*')."""
    rows = (
        line.split() for line in Path("/proc/thread-self/net/route").read_text().splitlines()[1:]
    )
    found = [(row[0], IPv4Network((_address(row[1]), _address(row[7])))) for row in rows]
    return [
        (li, net) for li, net in found if li not in ("lo", "*") and not li.startswith(LINK_PREFIX)
    ]


def _address(field: str) -> str:
    return socket.inet_ntoa(struct.pack("=I", int(field, 16)))


def _leads_out(network: IPv4Network) -> bool:
    return not any(network.subnet_of(block) for block in NOT_PUBLIC)


def _way_to(routes: list[Route], address: str | None) -> set[str]:
    fitting = [(n.prefixlen, li) for li, n in routes if address and IPv4Address(address) in n]
    return {max(fitting)[1]} if fitting else set()
