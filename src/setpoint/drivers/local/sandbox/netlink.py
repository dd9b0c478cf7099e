"""Netlink, the kernel's message protocol: framing, acknowledgements, attributes, network links.

By hand, because a library takes half a second to import and `ip` 15 ms per app (1 ms here).
"""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Sequence

ROUTE = 0
NETFILTER = 12

REQUEST, ACK, DUMP, CREATE, EXCLUSIVE, APPEND = 0x1, 0x4, 0x300, 0x400, 0x200, 0x800
_ERROR, _DONE = 2, 3
_NEW_LINK, _DELETE_LINK, _GET_LINK, _NEW_ADDRESS, _NEW_ROUTE, _DELETE_ROUTE = 16, 17, 18, 20, 24, 25
_NAME, _LINK_INFO, _ALIAS, _NAMESPACE = 3, 18, 20, 28
_ROUTE_TABLE_MAIN, _ROUTE_BY_BOOT, _ROUTE_UNIVERSE = 254, 3, 0
_ROUTE_UNICAST, _ROUTE_PROHIBITED = 1, 8
"""Who sends datagrams is told of what is prohibited, and not of what is unreachable."""
_UP = 1
_KIND_BITS = 0x3FFF
"""of an attribute's kind; the rest says how it is written"""
_BUFFER_BYTES = 1 << 18
Message = tuple[int, int, bytes]
"""type, flags, body"""


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


class Netlink:
    """One conversation, in the network namespace it was opened in. Raises OSError."""

    def __init__(self, protocol: int = ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.bind((0, 0))

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, message: Message) -> None:
        """One request, acknowledged."""
        kind, flags, body = message
        self.send([(kind, flags | ACK, body)])
        self.acknowledged(1)

    def send(self, messages: Sequence[Message]) -> None:
        self._socket.send(b"".join(_frame(at, message) for at, message in enumerate(messages, 1)))

    def acknowledged(self, count: int) -> None:
        """Wait for that many; the first refusal is raised."""
        while count:
            for kind, body in _unframe(self._socket.recv(_BUFFER_BYTES)):
                if kind == _ERROR:
                    number = -struct.unpack_from("i", body)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    count -= 1

    def dump(self, message: Message) -> Iterator[bytes]:
        """The bodies of everything that is listed."""
        self.send([message])
        while True:
            for kind, body in _unframe(self._socket.recv(_BUFFER_BYTES)):
                if kind == _ERROR:
                    number = -struct.unpack_from("i", body)[0]
                    raise OSError(number, os.strerror(number))
                if kind == _DONE:
                    return
                yield body

    def links(self) -> Iterator[tuple[str, str]]:
        """(name, alias) of every network link in this namespace."""
        for body in self.dump((_GET_LINK, DUMP, _link())):
            found = dict(attributes(body[16:]))
            yield _string(found, _NAME), _string(found, _ALIAS)

    def alias(self, name: str) -> str | None:
        """None if there is no such link."""
        self.send([(_GET_LINK, 0, _link() + text(_NAME, name))])
        for kind, body in _unframe(self._socket.recv(_BUFFER_BYTES)):
            if kind == _NEW_LINK:
                return _string(dict(attributes(body[16:])), _ALIAS)
        return None

    def add_pair(self, name: str, peer: str, namespace: int) -> None:
        """A veth pair: `name` here, `peer` in the other network namespace (a descriptor)."""
        other = _link() + text(_NAME, peer) + attribute(_NAMESPACE, struct.pack("I", namespace))
        info = text(1, "veth") + attribute(2, attribute(1, other))
        body = _link() + text(_NAME, name) + attribute(_LINK_INFO, info)
        self.ask((_NEW_LINK, CREATE | EXCLUSIVE, body))

    def add_address(self, link: str, address: str, prefix: int) -> None:
        index, packed = socket.if_nametoindex(link), socket.inet_aton(address)
        body = struct.pack("BBBBi", socket.AF_INET, prefix, 0, 0, index)
        body += attribute(1, packed) + attribute(2, packed)
        self.ask((_NEW_ADDRESS, CREATE | EXCLUSIVE, body))

    def remove_link(self, name: str) -> None:
        """Both ends of a pair, with their addresses and routes. Absent is success."""
        with contextlib.suppress(OSError):
            self.ask((_DELETE_LINK, 0, _link(socket.if_nametoindex(name))))

    def route_everything_by(self, gateway: str) -> None:
        """Twice is nothing."""
        with contextlib.suppress(FileExistsError):
            self.ask((_NEW_ROUTE, CREATE | EXCLUSIVE, _default_route(gateway)))

    def route_nothing_by(self, gateway: str) -> None:
        """Absent is success."""
        with contextlib.suppress(ProcessLookupError):
            self.ask((_DELETE_ROUTE, 0, _default_route(gateway)))

    def route_nowhere(self, address: str, prefix: int) -> bool:
        """What no closer route leads to is refused at once. False: it was so already, or such a
        route is somebody's own."""
        try:
            self.ask((_NEW_ROUTE, CREATE | EXCLUSIVE, _route_nowhere(address, prefix)))
        except FileExistsError:
            return False
        return True

    def route_nowhere_no_more(self, address: str, prefix: int) -> None:
        """Absent is success, and so is somebody's own."""
        with contextlib.suppress(ProcessLookupError):
            self.ask((_DELETE_ROUTE, 0, _route_nowhere(address, prefix)))

    def set_alias(self, link: str, alias: str) -> None:
        index = socket.if_nametoindex(link)
        self.ask((_NEW_LINK, 0, _link(index) + text(_ALIAS, alias)))

    def raise_up(self, link: str) -> None:
        index = socket.if_nametoindex(link)
        self.ask((_NEW_LINK, 0, _link(index, flags=_UP, change=_UP)))


def _link(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("BxHiII", 0, 0, index, flags, change)


def _default_route(gateway: str) -> bytes:
    return _route(0, _ROUTE_UNICAST) + attribute(5, socket.inet_aton(gateway))


def _route_nowhere(address: str, prefix: int) -> bytes:
    return _route(prefix, _ROUTE_PROHIBITED) + attribute(1, socket.inet_aton(address))


def _route(prefix: int, kind: int) -> bytes:
    places = (_ROUTE_TABLE_MAIN, _ROUTE_BY_BOOT, _ROUTE_UNIVERSE, kind)
    return struct.pack("BBBBBBBBI", socket.AF_INET, prefix, 0, 0, *places, 0)


def _frame(sequence: int, message: Message) -> bytes:
    kind, flags, body = message
    return struct.pack("IHHII", 16 + len(body), kind, flags | REQUEST, sequence, 0) + body


def _unframe(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from("IH", data, at)
        yield kind, data[at + 16 : at + size]
        at += max(16, (size + 3) & ~3)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("HH", data, at)
        yield kind & _KIND_BITS, data[at + 4 : at + size]
        at += max(4, (size + 3) & ~3)


def _string(found: dict[int, bytes], kind: int) -> str:
    return found.get(kind, b"").rstrip(b"\0").decode(errors="replace")
