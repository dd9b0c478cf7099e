"""The wall between the apps of one installation and everything else, in the kernel.

One nf_tables table, matched by the names of the links in it, installed atomically; other
installations, and whoever else filters on this machine, keep theirs. Towards the machine itself an
app may answer, never ask: a TCP segment that would open a connection (SYN without ACK) is refused,
as is everything that isn't TCP. Through the machine an app gets only what its way out is open to
(`set_way`), and only from the address its link was given. What is refused is refused at once, so
that nobody waits; what is forged is dropped, so that no answer goes to a stranger.
"""

import contextlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

from setpoint.drivers.local.sandbox import nftables as nft
from setpoint.drivers.local.sandbox.netlink import Message
from setpoint.model.egress import INTERNET, NONE, Egress, inner_ranges, named_ranges

LINK_PREFIX = "spv"
"""of the links of all installations"""
_TABLE = "setpoint-"
"""of an installation's wall; its name follows"""
RESOLVER = "198.19.255.53"
"""where apps send their questions for names: the machine's own nameserver gets them"""

_BEFORE_TRACKING, _BEFORE_OTHER_FILTERS, _DESTINATION_NAT, _SOURCE_NAT = -300, -150, -100, 100
_IPV4, _TCP = b"\x02", b"\x06"
_SOURCE_AT, _DESTINATION_AT, _PORT_AT, _TCP_FLAGS_AT = 12, 16, 2, 13
_SYN, _SYN_OR_ACK = b"\x02", b"\x12"
_DNS = struct.pack(">H", 53)
_APPS = b"\xc6\x12"
"""198.18: how the addresses of all links begin"""
_ESTABLISHED_OR_RELATED = struct.pack("=I", 2 | 4)
_LINK_BYTES, _ADDRESS_BYTES = 16, 4

# The sets, and what their elements are.
_LINKS = "links"
"""of our apps"""
_OWN = "own"
"""(link, address): which source address each link was given"""
_ASKING = "asking"
"""links that may ask for names"""
_FREE = "free"
"""links open to all public addresses"""
_NAMED = "named"
"""(link, range of addresses) that are open besides"""
_INNER = "inner"
"""addresses that are not public"""
_NAMESERVERS = "nameservers"
"""where questions for names go"""
_UPLINKS = "uplinks"
"""links of the machine that lead to where a way out may lead"""


@dataclass(frozen=True)
class Wall:
    """`opens`: with ways out. Without, the kernel need neither track nor translate connections."""

    installation: str
    opens: bool

    @property
    def table(self) -> nft.Table:
        return nft.Table(f"{_TABLE}{self.installation}")

    def stands(self) -> bool:
        """In this network namespace? Raises OSError where nf_tables is missing."""
        return self.table.stands()

    def build(self) -> None:
        """Replace it, in one transaction, with no app admitted. About 10 ms."""
        table = self.table
        sets = [
            table.set(_LINKS, _LINK_BYTES),
            table.set(_OWN, _LINK_BYTES, _ADDRESS_BYTES),
            table.set(_ASKING, _LINK_BYTES),
            table.set(_FREE, _LINK_BYTES),
            table.set(_NAMESERVERS, _ADDRESS_BYTES),
            table.set(_UPLINKS, _LINK_BYTES),
        ]
        rules = [*_ways(table), *_inward(table)] if self.opens else [*_sealed(table)]
        nft.transaction([*table.remove(), table.add(), *sets, *rules])

    def tear_down(self) -> None:
        """Absent is success."""
        nft.transaction(self.table.remove())

    # --- apps ---

    def admits(self, link: str, address: str) -> bool:
        return self.table.holds(_OWN, _own(link, address))

    def admitted(self) -> frozenset[tuple[str, str]]:
        """(link, address) of every app; none where the wall is gone."""
        with contextlib.suppress(FileNotFoundError):
            return frozenset(_read_own(key) for key, _ in self.table.elements(_OWN))
        return frozenset()

    def admit(self, link: str, address: str) -> None:
        """A link of an app, and the address it speaks from. Nothing is open to it."""
        table = self.table
        nft.transaction(
            [
                *self._forgotten(link),
                table.element(_LINKS, _link(link)),
                table.element(_OWN, (_own(link, address), b"")),
            ]
        )

    def forget(self, link: str) -> None:
        """Whoever has a link of this name next starts with nothing. Only once the link is gone: it
        is not walled in any more."""
        nft.transaction(self._forgotten(link))

    def set_way(self, link: str, egress: Egress) -> bool:
        """All at once; what is under way and not open any more ends. False: it was so already."""
        opened = egress != NONE
        messages = [
            *self._become(_ASKING, [_link(link)] if opened else [], link),
            *self._become(_FREE, [_link(link)] if INTERNET[0] in egress else [], link),
            *self._become(_NAMED, [_span(link, block) for block in named_ranges(egress)], link),
        ]
        if messages:
            nft.transaction(messages)
        return bool(messages)

    def _forgotten(self, link: str) -> list[Message]:
        ways = (_ASKING, _FREE, _NAMED) if self.opens else ()
        return [m for name in (*ways, _OWN, _LINKS) for m in self._become(name, [], link)]

    # --- the machine ---

    def named(self) -> frozenset[tuple[int, int]]:
        """(first, last) of every range that some app is open to."""
        return frozenset(
            (_last_number(key), _last_number(end)) for key, end in self.table.elements(_NAMED)
        )

    def uplinks(self) -> frozenset[str]:
        return frozenset(_read_link(key) for key, _ in self.table.elements(_UPLINKS))

    def set_uplinks(self, links: Iterable[str]) -> None:
        messages = self._become(_UPLINKS, map(_link, links))
        if messages:
            nft.transaction(messages)

    def set_nameserver(self, address: str | None) -> None:
        """None: there is none an app could be led to."""
        wanted = [socket.inet_aton(address)] if address is not None else []
        messages, table = self._become(_NAMESERVERS, ((to, b"") for to in wanted)), self.table
        if messages:
            led = [table.rule("names", *_question(), nft.redirected(to)) for to in wanted]
            nft.transaction([*messages, table.emptied("names"), *led])

    def _become(
        self, name: str, elements: Iterable[nft.Element], link: str | None = None
    ) -> list[Message]:
        """`link`: only what is said of that one is replaced."""
        table, of = self.table, nft.link_key(link) if link is not None else b""
        before = {element for element in table.elements(name) if element[0].startswith(of)}
        after = set(elements)
        gone = [table.without(name, element) for element in before - after]
        return [*gone, *(table.element(name, element) for element in after - before)]


def admits_anybody() -> bool:
    """Is there an app of any installation of this machine? Raises OSError."""
    of = (name.removeprefix(_TABLE) for name in nft.tables() if name.startswith(_TABLE))
    return any(Wall(installation, opens=False).admitted() for installation in of)


# --- the rules ----------------------------------------------------------------------------------

_ACCEPTED, _DROPPED = nft.verdict(nft.ACCEPT), nft.verdict(nft.DROP)


def _inward(table: nft.Table) -> list[Message]:
    """From an app to the machine itself: its answers, and what a name or range leads to it for."""
    return [
        table.chain("in", nft.INPUT, _BEFORE_OTHER_FILTERS),
        table.rule("in", _from_app(inverted=True), _ACCEPTED),
        table.rule("in", _is_tcp(), _answers(), _ACCEPTED),
        *_honest(table, "in"),
        table.rule("in", *_asks_for_names(), _ACCEPTED),
        table.rule("in", _is_named(), _ACCEPTED),
        *_refused(table, "in"),
    ]


def _ways(table: nft.Table) -> list[Message]:
    return [
        table.set(_INNER, _ADDRESS_BYTES, flags=nft.INTERVALS),
        table.ranges(_INNER, inner_ranges()),
        table.set(_NAMED, _LINK_BYTES, _ADDRESS_BYTES, flags=nft.INTERVALS | nft.CONCATENATED),
        *_outward(table),
        *_translations(table),
        *_neighbours(table),
    ]


def _outward(table: nft.Table) -> list[Message]:
    """From an app through the machine, and what comes back. That other apps cannot be reached needs
    no rule: their addresses are none of the public ones, and cannot be named."""
    return [
        table.chain("forward", nft.FORWARD, _BEFORE_OTHER_FILTERS),
        table.rule("forward", _from_app(inverted=True), _to_app(inverted=True), _ACCEPTED),
        table.rule("forward", _from_app(inverted=True), _is_reply(), _ACCEPTED),
        table.rule("forward", _from_app(inverted=True), _DROPPED),
        *_honest(table, "forward"),
        table.rule("forward", *_asks_for_names(), _ACCEPTED),
        *_refused(table, "forward", _within(_UPLINKS, nft.OUTPUT_LINK, inverted=True)),
        table.rule("forward", _is_named(), _ACCEPTED),
        *_refused(table, "forward", _within(_FREE, nft.INPUT_LINK, inverted=True)),
        *_refused(table, "forward", nft.within(_INNER, _destination())),
        table.rule("forward", _ACCEPTED),
    ]


def _sealed(table: nft.Table) -> list[Message]:
    """Nothing but answers to the machine."""
    return [
        table.chain("in", nft.INPUT, _BEFORE_OTHER_FILTERS),
        table.rule("in", _from_app(), _is_tcp(), _answers(), _ACCEPTED),
        table.rule("in", _from_app(), _DROPPED),
        table.chain("forward", nft.FORWARD, _BEFORE_OTHER_FILTERS),
        table.rule("forward", _from_app(), _DROPPED),
        table.rule("forward", _to_app(), _DROPPED),
    ]


def _translations(table: nft.Table) -> list[Message]:
    """Apps speak with the machine's address; their nameserver is the machine's."""
    from_apps = nft.compare(_APPS, nft.payload(nft.NETWORK_HEADER, _SOURCE_AT, len(_APPS)))
    return [
        table.chain("names", nft.PREROUTING, _DESTINATION_NAT, "nat"),
        table.chain("masquerade", nft.POSTROUTING, _SOURCE_NAT, "nat"),
        table.rule(
            "masquerade",
            _is_ipv4(),
            from_apps,
            _within(_UPLINKS, nft.OUTPUT_LINK),
            nft.masquerade(),
        ),
    ]


def _neighbours(table: nft.Table) -> list[Message]:
    """Between the edge and apps no connection is tracked: it would cost, and fill the table."""
    to_us, by_us = (
        nft.compare(_APPS, nft.payload(nft.NETWORK_HEADER, at, len(_APPS)))
        for at in (_DESTINATION_AT, _SOURCE_AT)
    )
    return [
        table.chain("from-apps", nft.PREROUTING, _BEFORE_TRACKING),
        table.rule("from-apps", _from_app(), _is_ipv4(), to_us, nft.untracked()),
        table.chain("to-apps", nft.OUTPUT, _BEFORE_TRACKING),
        table.rule("to-apps", _to_app(), _is_ipv4(), by_us, nft.untracked()),
    ]


def _honest(table: nft.Table, chain: str) -> list[Message]:
    """IPv4, and from the address the link was given: else dropped without a word."""
    source = nft.payload(nft.NETWORK_HEADER, _SOURCE_AT, _ADDRESS_BYTES, nft.SECOND)
    pair = nft.meta(nft.INPUT_LINK) + source
    return [
        table.rule(chain, _is_ipv4(nft.UNEQUAL), _DROPPED),
        table.rule(chain, nft.within(_OWN, pair, inverted=True), _DROPPED),
    ]


def _refused(table: nft.Table, chain: str, *conditions: nft.Conditions) -> list[Message]:
    return [
        table.rule(chain, *conditions, _is_tcp(), nft.reset()),
        table.rule(chain, *conditions, nft.prohibited()),
    ]


# --- conditions ---------------------------------------------------------------------------------


def _from_app(*, inverted: bool = False) -> nft.Conditions:
    return _within(_LINKS, nft.INPUT_LINK, inverted=inverted)


def _to_app(*, inverted: bool = False) -> nft.Conditions:
    return _within(_LINKS, nft.OUTPUT_LINK, inverted=inverted)


def _within(name: str, side: int, *, inverted: bool = False) -> nft.Conditions:
    return nft.within(name, nft.meta(side), inverted=inverted)


def _is_named() -> nft.Conditions:
    address = nft.payload(nft.NETWORK_HEADER, _DESTINATION_AT, _ADDRESS_BYTES, nft.SECOND)
    return nft.within(_NAMED, nft.meta(nft.INPUT_LINK) + address)


def _is_ipv4(how: int = nft.EQUAL) -> nft.Conditions:
    return nft.compare(_IPV4, nft.meta(nft.FAMILY), how)


def _is_tcp() -> nft.Conditions:
    return nft.compare(_TCP, nft.meta(nft.PROTOCOL))


def _destination() -> nft.Conditions:
    return nft.payload(nft.NETWORK_HEADER, _DESTINATION_AT, _ADDRESS_BYTES)


def _to_port_of_names() -> nft.Conditions:
    """TCP and UDP have it at the same place; nothing else gets an answer there."""
    return nft.compare(_DNS, nft.payload(nft.TRANSPORT_HEADER, _PORT_AT, len(_DNS)))


def _asks_for_names() -> tuple[nft.Conditions, ...]:
    """After it was led to the nameserver, be that elsewhere or this very machine."""
    asking = _within(_ASKING, nft.INPUT_LINK)
    return asking, nft.within(_NAMESERVERS, _destination()), _to_port_of_names()


def _question() -> tuple[nft.Conditions, ...]:
    """Before it is led to the nameserver."""
    resolver = nft.compare(socket.inet_aton(RESOLVER), _destination())
    return _from_app(), _is_ipv4(), resolver, _to_port_of_names()


def _answers() -> nft.Conditions:
    """TCP flags other than SYN alone."""
    flags = nft.payload(nft.TRANSPORT_HEADER, _TCP_FLAGS_AT, 1)
    return nft.compare(_SYN, flags + nft.masked(_SYN_OR_ACK), nft.UNEQUAL)


def _is_reply() -> nft.Conditions:
    state = nft.connection_state() + nft.masked(_ESTABLISHED_OR_RELATED)
    return nft.compare(bytes(4), state, nft.UNEQUAL)


# --- keys ---------------------------------------------------------------------------------------


def _link(name: str) -> nft.Element:
    return nft.link_key(name), b""


def _read_link(key: bytes) -> str:
    return key.rstrip(b"\0").decode()


def _own(link: str, address: str) -> bytes:
    return nft.link_key(link) + socket.inet_aton(address)


def _read_own(key: bytes) -> tuple[str, str]:
    return _read_link(key[:_LINK_BYTES]), socket.inet_ntoa(key[_LINK_BYTES:])


def _span(link: str, block: IPv4Network) -> nft.Element:
    key = nft.link_key(link)
    return key + block.network_address.packed, key + block.broadcast_address.packed


def _last_number(key: bytes) -> int:
    """The address at a key's end."""
    return int.from_bytes(key[-_ADDRESS_BYTES:], "big")
