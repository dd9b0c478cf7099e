"""Makes an access log readable again that holds a stream id of bytes that are no UTF-8.

A stream's id is the caller's x-request-id. Envoy checks every text but this one, and protobuf
refuses the whole message for it: whoever sends such an id would take the lines of all apps along.
"""

STREAM_ID = (2, 1, 1, 26)
"""http_logs, log_entry, common_properties, stream_id: numbers of fields within fields"""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_UNREADABLE = ord("?")


def repaired(message: bytes) -> bytes:
    """The same message, nothing but ASCII in the stream ids. Raises ValueError, IndexError
    where the bytes are no message at all."""
    whole = bytearray(message)
    _repair(whole, 0, len(whole), STREAM_ID)
    return bytes(whole)


def _repair(message: bytearray, at: int, end: int, path: tuple[int, ...]) -> None:
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        start, at = _value(message, at, kind)
        if kind == _BYTES and number == path[0]:
            if path[1:]:
                _repair(message, start, at, path[1:])
            else:
                message[start:at] = bytes(b if b < 0x80 else _UNREADABLE for b in message[start:at])


def _value(message: bytearray, at: int, kind: int) -> tuple[int, int]:
    """Where the value starts and ends."""
    if kind == _VARINT:
        return at, _varint(message, at)[1]
    if kind == _BYTES:
        size, at = _varint(message, at)
        return at, at + size
    if kind in _FIXED:
        return at, at + _FIXED[kind]
    raise ValueError(f"no wire type {kind}")


def _varint(message: bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] & 0x80:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1
