"""nf_tables over netlink: tables, chains, rules, sets, as the kernel wants to read them.

Only what the wall is built of. No `nft` program is needed, and none is started. Everything is of
the family `inet`, so that one rule sees IPv4 and IPv6.
"""

import socket
import struct
from collections.abc import Iterable, Iterator

from setpoint.drivers.local.sandbox.netlink import (
    ACK,
    APPEND,
    CREATE,
    DUMP,
    NETFILTER,
    Message,
    Netlink,
    attribute,
    attributes,
    text,
)

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 16, 17
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _DELETE_RULE = 0, 1, 2, 3, 6, 8
_NEW_SET, _NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = 9, 12, 13, 14
_GET_CHAIN = 4
_INET, _IPV4_FAMILY = 1, 2
_ANY_FAMILY = 0
_NESTED = 0x8000

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = 0, 1, 2, 3, 4
DROP, ACCEPT = 0, 1
INPUT_LINK, OUTPUT_LINK, FAMILY, PROTOCOL = 6, 7, 15, 16
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
FIRST, SECOND = 1, 2
"""Registers of 16 bytes: a key of two parts is read from both."""
EQUAL, UNEQUAL = 0, 1
INTERVALS = 0x04
CONCATENATED = 0x80
_INTERVAL_END = 1
_ELEMENTS, _KEY, _KEY_END, _VALUE = 3, 1, 10, 1
_CHAIN_TABLE, _CHAIN_HOOK, _CHAIN_POLICY, _HOOK_NUMBER = 1, 4, 5, 1
_NAME_BYTES = 16

Element = tuple[bytes, bytes]
"""(key, the last key of the range it begins or b'')"""

Conditions = bytes
"""expressions, one after the other: the next counts only if the one before held"""


# --- expressions --------------------------------------------------------------------------------


def meta(key: int, into: int = FIRST) -> Conditions:
    """Load something about the packet."""
    return _expression("meta", attribute(2, _number(key)), attribute(1, _number(into)))


def payload(header: int, offset: int, size: int, into: int = FIRST) -> Conditions:
    """Load bytes of the packet."""
    return _expression(
        "payload",
        attribute(1, _number(into)),
        attribute(2, _number(header)),
        attribute(3, _number(offset)),
        attribute(4, _number(size)),
    )


def connection_state() -> Conditions:
    return _expression("ct", attribute(2, _number(0)), attribute(1, _number(FIRST)))


def redirected(address: bytes) -> Conditions:
    """To the same port of another IPv4 address."""
    load = _expression("immediate", attribute(1, _number(FIRST)), _nest(2, attribute(1, address)))
    return load + _expression(
        "nat", *(attribute(k, _number(v)) for k, v in ((1, 1), (2, _IPV4_FAMILY), (3, FIRST)))
    )


def masked(mask: bytes) -> Conditions:
    return _expression(
        "bitwise",
        attribute(1, _number(FIRST)),
        attribute(2, _number(FIRST)),
        attribute(3, _number(len(mask))),
        _nest(4, attribute(1, mask)),
        _nest(5, attribute(1, bytes(len(mask)))),
    )


def compare(value: bytes, loaded: Conditions, how: int = EQUAL) -> Conditions:
    """A value shorter than the register compares as a prefix."""
    return loaded + _expression(
        "cmp",
        attribute(1, _number(FIRST)),
        attribute(2, _number(how)),
        _nest(3, attribute(1, value)),
    )


def within(name: str, loaded: Conditions, *, inverted: bool = False) -> Conditions:
    """Is what was loaded an element of the set?"""
    flags = attribute(5, _number(1)) if inverted else b""
    return loaded + _expression("lookup", text(1, name), attribute(2, _number(FIRST)), flags)


def verdict(code: int) -> Conditions:
    inner = _nest(2, attribute(1, struct.pack(">i", code)))
    return _expression("immediate", attribute(1, _number(0)), _nest(2, inner))


def reset() -> Conditions:
    """Refuse a TCP segment as a closed port would."""
    return _expression("reject", attribute(1, _number(1)), attribute(2, b"\0"))


def prohibited() -> Conditions:
    """Refuse by ICMP: 'administratively prohibited', in either family."""
    return _expression("reject", attribute(1, _number(2)), attribute(2, b"\3"))


def masquerade() -> Conditions:
    return _expression("masq")


def untracked() -> Conditions:
    return _expression("notrack")


# --- objects ------------------------------------------------------------------------------------


class Table:
    """Messages about one table and what is in it, to be sent by `transaction`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._set_ids = 0

    def stands(self) -> bool:
        """Raises OSError where nf_tables is missing."""
        return _exists(_message(_GET_TABLE, text(1, self.name), flags=0))

    def holds(self, name: str, key: bytes) -> bool:
        """Is there such a table, with such a set, and in it this key?"""
        return _exists(self._elements(_GET_ELEMENT, name, _element((key, b"")), flags=0))

    def remove(self) -> tuple[Message, ...]:
        """Whether it is there or not: the first makes the second succeed."""
        named = text(1, self.name)
        return _message(_NEW_TABLE, named), _message(_DELETE_TABLE, named)

    def add(self) -> Message:
        return _message(_NEW_TABLE, text(1, self.name))

    def chain(
        self, name: str, hook: int, priority: int, kind: str = "filter", policy: int = ACCEPT
    ) -> Message:
        place = attribute(1, _number(hook)) + attribute(2, struct.pack(">i", priority))
        body = text(1, self.name) + text(3, name) + _nest(4, place) + text(7, kind)
        return _message(_NEW_CHAIN, body + attribute(5, _number(policy)))

    def rule(self, chain: str, *parts: Conditions) -> Message:
        body = text(1, self.name) + text(2, chain) + _nest(4, b"".join(parts))
        return _message(_NEW_RULE, body, flags=CREATE | APPEND)

    def set(self, name: str, *parts: int, flags: int = 0) -> Message:
        """`parts`: bytes of each part of the key."""
        self._set_ids += 1
        body = text(1, self.name) + text(2, name) + attribute(3, _number(flags))
        body += attribute(5, _number(sum(parts))) + attribute(10, _number(self._set_ids))
        if flags & CONCATENATED:
            body += _nest(9, _nest(2, b"".join(_nest(1, attribute(1, _number(p))) for p in parts)))
        return _message(_NEW_SET, body)

    def ranges(self, name: str, ranges: Iterable[tuple[int, int]]) -> Message:
        """(first, last) of addresses into a set of intervals: in order, no two adjacent."""
        content = b""
        for first, last in ranges:
            content += _element((_number(first), b""))
            if last + 1 < 1 << 32:
                content += _element((_number(last + 1), b""), attribute(3, _number(_INTERVAL_END)))
        return self._elements(_NEW_ELEMENT, name, content)

    def emptied(self, chain: str) -> Message:
        """The chain without its rules."""
        return _message(_DELETE_RULE, text(1, self.name) + text(2, chain), flags=0)

    def element(self, name: str, element: Element) -> Message:
        """Twice is nothing."""
        return self._elements(_NEW_ELEMENT, name, _element(element))

    def without(self, name: str, element: Element) -> Message:
        """Fails if it is not there."""
        return self._elements(_DELETE_ELEMENT, name, _element(element), flags=0)

    def elements(self, name: str) -> Iterator[Element]:
        """As they are now. Raises OSError where there is no such set."""
        asked = _message(_GET_ELEMENT, text(1, self.name) + text(2, name), flags=DUMP)
        with Netlink(NETFILTER) as netlink:
            for body in netlink.dump(asked):
                yield from _read_elements(body[4:])

    def _elements(self, kind: int, name: str, content: bytes, flags: int = CREATE) -> Message:
        body = text(1, self.name) + text(2, name) + _nest(3, content)
        return _message(kind, body, flags)


def transaction(messages: Iterable[Message]) -> None:
    """All or nothing. Raises OSError."""
    edge = struct.pack(">BBH", socket.AF_UNSPEC, 0, _SUBSYSTEM)
    acknowledged = [(kind, flags | ACK, body) for kind, flags, body in messages]
    with Netlink(NETFILTER) as netlink:
        netlink.send([(_BATCH_BEGIN, 0, edge), *acknowledged, (_BATCH_END, 0, edge)])
        netlink.acknowledged(len(acknowledged))


def link_key(name: str) -> bytes:
    """A link's name as the kernel loads it."""
    return name.encode().ljust(_NAME_BYTES, b"\0")


def tables() -> frozenset[str]:
    """The names of all of this family. Raises OSError."""
    with Netlink(NETFILTER) as netlink:
        listed = list(netlink.dump(_message(_GET_TABLE, b"", flags=DUMP)))
    found = (dict(attributes(body[4:])) for body in listed)
    return frozenset(table[1].rstrip(b"\0").decode(errors="replace") for table in found)


def tables_that_drop(hook: int) -> frozenset[str]:
    """Of every family: which have a chain there whose last word is to drop. Raises OSError."""
    found: set[str] = set()
    with Netlink(NETFILTER) as netlink:
        for body in netlink.dump(_message(_GET_CHAIN, b"", flags=DUMP, family=_ANY_FAMILY)):
            chain = dict(attributes(body[4:]))
            place = dict(attributes(chain.get(_CHAIN_HOOK, b"")))
            drops = chain.get(_CHAIN_POLICY) == _number(DROP)
            if drops and place.get(_HOOK_NUMBER) == _number(hook):
                found.add(chain[_CHAIN_TABLE].rstrip(b"\0").decode(errors="replace"))
    return frozenset(found)


def _exists(question: Message) -> bool:
    with Netlink(NETFILTER) as netlink:
        try:
            netlink.ask(question)
        except FileNotFoundError:
            return False
    return True


def _element(element: Element, more: bytes = b"") -> bytes:
    key, end = element
    last = _nest(_KEY_END, attribute(_VALUE, end)) if end else b""
    return _nest(1, more + _nest(_KEY, attribute(_VALUE, key)) + last)


def _read_elements(data: bytes) -> Iterator[Element]:
    for kind, listed in attributes(data):
        for _, element in attributes(listed) if kind == _ELEMENTS else ():
            parts = dict(attributes(element))
            yield _value(parts.get(_KEY, b"")), _value(parts.get(_KEY_END, b""))


def _value(data: bytes) -> bytes:
    return dict(attributes(data)).get(_VALUE, b"")


# --- framing ------------------------------------------------------------------------------------


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _nest(kind: int, content: bytes) -> bytes:
    return attribute(kind | _NESTED, content)


def _expression(name: str, *parts: bytes) -> bytes:
    return _nest(1, text(1, name) + _nest(2, b"".join(parts)))


def _message(kind: int, body: bytes, flags: int = CREATE, family: int = _INET) -> Message:
    return (_SUBSYSTEM << 8) | kind, flags, struct.pack(">BBH", family, 0, 0) + body
