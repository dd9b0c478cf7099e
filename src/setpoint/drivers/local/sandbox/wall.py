"""The wall between apps and the host: what comes from an app's link may answer, never ask.

One nf_tables table for all apps, matched by the name of the link, installed atomically. Stateless:
a TCP segment that would open a connection (SYN without ACK) is dropped, as is everything that
isn't TCP, and nothing is ever forwarded from or to an app. No conntrack, no `nft` program.
"""

import errno
import socket
import struct

from setpoint.drivers.local.sandbox.netlink import (
    ACK,
    APPEND,
    CREATE,
    NETFILTER,
    Message,
    Netlink,
    attribute,
    text,
)

LINK_PREFIX = "spv"
_TABLE = "setpoint-wall-1"
"""counted up whenever the rules change: `stands` looks for the name only"""

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 16, 17
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 1, 2, 3, 6
_HOOK_INPUT, _HOOK_FORWARD = 1, 2
_BEFORE_OTHER_FILTERS = -150
_INET = 1
_DROP, _ACCEPT = 0, 1
_META_INPUT_LINK, _META_OUTPUT_LINK, _META_PROTOCOL = 6, 7, 16
_TRANSPORT_HEADER, _TCP_FLAGS_OFFSET = 2, 13
_SYN, _SYN_OR_ACK = b"\x02", b"\x12"
_NESTED = 0x8000
_EQUAL, _UNEQUAL = 0, 1


def stands() -> bool:
    """Is the wall up in this network namespace? Raises OSError where nf_tables is missing."""
    with Netlink(NETFILTER) as netlink:
        try:
            netlink.ask(_message(_GET_TABLE, text(1, _TABLE), flags=0))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
    return True


def build() -> None:
    """Replace the wall, in one transaction. About 10 ms, once for all apps."""
    table = text(1, _TABLE)
    messages = [
        # The first makes the deletion succeed where there was none.
        _message(_NEW_TABLE, table),
        _message(_DELETE_TABLE, table),
        _message(_NEW_TABLE, table),
        _chain("in", _HOOK_INPUT),
        _chain("forward", _HOOK_FORWARD),
        _rule("in", _from_app(), _compare(b"\x06", _meta(_META_PROTOCOL)), _answers(), _ACCEPT),
        _rule("in", _from_app(), _DROP),
        _rule("forward", _from_app(), _DROP),
        _rule("forward", _to_app(), _DROP),
    ]
    _transaction(messages)


def tear_down() -> None:
    """Absent is success."""
    if stands():
        _transaction([_message(_DELETE_TABLE, text(1, _TABLE), flags=0)])


# --- the rules, as expressions ------------------------------------------------------------------


def _from_app() -> bytes:
    return _compare(LINK_PREFIX.encode(), _meta(_META_INPUT_LINK))


def _to_app() -> bytes:
    return _compare(LINK_PREFIX.encode(), _meta(_META_OUTPUT_LINK))


def _answers() -> bytes:
    """TCP flags other than SYN alone."""
    flags = _expression(
        "payload",
        attribute(1, _number(1)),
        attribute(2, _number(_TRANSPORT_HEADER)),
        attribute(3, _number(_TCP_FLAGS_OFFSET)),
        attribute(4, _number(1)),
    )
    masked = _expression(
        "bitwise",
        attribute(1, _number(1)),
        attribute(2, _number(1)),
        attribute(3, _number(1)),
        _nest(4, attribute(1, _SYN_OR_ACK)),
        _nest(5, attribute(1, b"\0")),
    )
    return _compare(_SYN, flags + masked, how=_UNEQUAL)


def _meta(key: int) -> bytes:
    """Load something about the packet into register 1."""
    return _expression("meta", attribute(2, _number(key)), attribute(1, _number(1)))


def _compare(value: bytes, loaded: bytes, how: int = _EQUAL) -> bytes:
    """A value shorter than the register compares as a prefix."""
    return loaded + _expression(
        "cmp",
        attribute(1, _number(1)),
        attribute(2, _number(how)),
        _nest(3, attribute(1, value)),
    )


def _verdict(verdict: int) -> bytes:
    code = _nest(2, attribute(1, struct.pack(">i", verdict)))
    return _expression("immediate", attribute(1, _number(0)), _nest(2, code))


def _rule(chain: str, *parts: bytes | int) -> Message:
    """Conditions, then the verdict (a number)."""
    code = b"".join(_verdict(part) if isinstance(part, int) else part for part in parts)
    body = text(1, _TABLE) + text(2, chain) + _nest(4, code)
    return _message(_NEW_RULE, body, flags=CREATE | APPEND)


def _chain(name: str, hook: int) -> Message:
    place = attribute(1, _number(hook)) + attribute(2, struct.pack(">i", _BEFORE_OTHER_FILTERS))
    body = text(1, _TABLE) + text(3, name) + _nest(4, place) + text(7, "filter")
    return _message(_NEW_CHAIN, body + attribute(5, _number(_ACCEPT)))


# --- framing ------------------------------------------------------------------------------------


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _nest(kind: int, content: bytes) -> bytes:
    return attribute(kind | _NESTED, content)


def _expression(name: str, *attributes: bytes) -> bytes:
    return _nest(1, text(1, name) + _nest(2, b"".join(attributes)))


def _message(kind: int, body: bytes, flags: int = CREATE) -> Message:
    return (_SUBSYSTEM << 8) | kind, flags, struct.pack(">BBH", _INET, 0, 0) + body


def _transaction(messages: list[Message]) -> None:
    edge = struct.pack(">BBH", socket.AF_UNSPEC, 0, _SUBSYSTEM)
    acknowledged = [(kind, flags | ACK, body) for kind, flags, body in messages]
    with Netlink(NETFILTER) as netlink:
        netlink.send([(_BATCH_BEGIN, 0, edge), *acknowledged, (_BATCH_END, 0, edge)])
        netlink.acknowledged(len(messages))
