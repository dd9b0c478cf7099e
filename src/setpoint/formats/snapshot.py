"""A snapshot as a file: JSON, with the number of its format first."""

import msgspec

from setpoint.model.errors import Invalid
from setpoint.model.snapshot import FORMAT, Snapshot

BYTES_MAX = 64 * 1024 * 1024
"""Five hundred apps with twenty releases each and thirty config vars are about half of it."""


class _Head(msgspec.Struct, frozen=True):
    format: int
    version: str = "another version"


_head = msgspec.json.Decoder(_Head)
_snapshot = msgspec.json.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    return msgspec.json.encode(snapshot)


def decode(raw: bytes, name: str) -> Snapshot:
    """`name`: of the file, for messages. Raises Invalid. What a newer version added within this
    format is passed over."""
    try:
        head = _head.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(
            f"cannot read {name}: it is no snapshot of a Setpoint",
            "take one with: setpoint rehearse --from-live --snapshot FILE",
        ) from None
    if head.format != FORMAT:
        raise Invalid(
            f"cannot read {name}: its format is {head.format}, this Setpoint reads {FORMAT}",
            f"use a Setpoint like the one it was taken of ({head.version[:40]!r})",
        )
    try:
        return _snapshot.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot read {name}: {str(error)[:200]}") from None
