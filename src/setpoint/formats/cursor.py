"""A place in the feed of events, as text that callers keep and send back, and read nothing into.

Versioned, so that another store may count differently; summed, so that one cut short or mistyped
is not taken for another place; and bound to an incarnation: after a restore from a backup the same
number would mean another event.
"""

import base64
import binascii
import struct
import zlib
from typing import NamedTuple

VERSION = 1
_BODY = struct.Struct(">BIQ")
_SUM_BYTES = 4
CHARS = 23


class Cursor(NamedTuple):
    """`place`: of the last event that was seen."""

    incarnation: int
    place: int


def encode(cursor: Cursor) -> str:
    body = _BODY.pack(VERSION, *cursor)
    return base64.urlsafe_b64encode(body + _sum(body)).rstrip(b"=").decode()


def decode(text: str) -> Cursor:
    """Raises ValueError where it is none that `encode` made."""
    if len(text) != CHARS or not text.isascii():
        raise ValueError("it is no cursor")
    try:
        raw = base64.b64decode(text + "=" * (-CHARS % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("it is no cursor") from None
    body, sum_ = raw[: _BODY.size], raw[_BODY.size :]
    version, incarnation, place = _BODY.unpack(body)
    if sum_ != _sum(body):
        raise ValueError("it is no cursor")
    if version != VERSION:
        raise ValueError("it was made by another version of Setpoint")
    return Cursor(incarnation, place)


def _sum(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(_SUM_BYTES)
