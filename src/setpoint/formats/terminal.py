"""What goes between a door and a job's terminal: frames of one kind byte, a length, a payload.

Both directions are counted in bytes since the job began, so that a line that breaks off is taken up
where it broke: who receives says how much it has taken, who sends keeps what was not taken yet.
"""

import struct
from enum import Enum
from typing import NamedTuple

import msgspec

PAYLOAD_BYTES_MAX = 64 * 1024
WINDOW_BYTES = 256 * 1024
"""Output that may be under way or wait for somebody; then the job's writes wait."""
INPUT_WINDOW_BYTES = 64 * 1024
"""The same for input, kept by whoever types."""
_HEAD = struct.Struct("!cI")
HEAD_BYTES = _HEAD.size


class Kind(Enum):
    OUTPUT = b"O"
    INPUT = b"I"
    INPUT_END = b"F"
    TAKEN = b"T"
    """of output, by whoever watches; of input, by the job's side"""
    RESIZE = b"R"
    HANG_UP = b"H"
    """whoever watched is gone for good"""
    END = b"E"


class Size(msgspec.Struct, frozen=True):
    """Of a terminal, in characters."""

    rows: int
    columns: int


class End(msgspec.Struct, frozen=True):
    """How the job ended. `code` None: nobody knows. `text`: 'exited with code 1'."""

    code: int | None
    text: str


class Place(NamedTuple):
    """How far somebody is: bytes of output taken, and bytes typed of which it is known."""

    taken: int = 0
    typed: int = 0


class Frame(NamedTuple):
    kind: Kind
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    return _HEAD.pack(frame.kind.value, len(frame.payload)) + frame.payload


def head(raw: bytes) -> tuple[Kind, int]:
    """(kind, length of the payload). Raises ValueError on anything out of bounds."""
    kind, length = _HEAD.unpack(raw)
    if length > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a frame of {length} bytes")
    return Kind(kind), length


def taken(count: int) -> Frame:
    return Frame(Kind.TAKEN, b"%d" % count)


def count(payload: bytes) -> int:
    """Raises ValueError."""
    if not payload.isdigit() or len(payload) > 18:
        raise ValueError("that is no count")
    return int(payload)


def resize(rows: int, columns: int) -> Frame:
    return Frame(Kind.RESIZE, msgspec.json.encode(Size(rows, columns)))


def size(payload: bytes) -> Size:
    """Raises ValueError; what no terminal has is cut to what one may."""
    try:
        said = msgspec.json.decode(payload, type=Size)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    return Size(max(1, min(said.rows, 1000)), max(1, min(said.columns, 1000)))


def end(code: int | None, text: str) -> Frame:
    return Frame(Kind.END, msgspec.json.encode(End(code, text)))


def ended(payload: bytes) -> End:
    """Raises ValueError."""
    try:
        return msgspec.json.decode(payload, type=End)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
