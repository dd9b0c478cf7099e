"""Where an app's log is sent besides being kept, and how far that has come."""

from typing import NamedTuple

import msgspec

from setpoint.model.ids import AppId


class Place(msgspec.Struct, frozen=True):
    """How far somebody is in a log: behind the `nth` line in a row that has this mark."""

    mark: str
    nth: int = 1


class Shipped(msgspec.Struct, frozen=True):
    """What is known of one drain's deliveries. Times are unix seconds.

    `delivered`, `dropped`: lines; `unsaid` of those dropped the other side has not been told of
    yet, and they may still be sent after a restart. `retries`: attempts that failed.
    `failing_since_s`: since then nothing was taken that was tried.
    """

    drain: str
    app: AppId
    place: Place | None = None
    delivered: int = 0
    dropped: int = 0
    unsaid: int = 0
    retries: int = 0
    delivered_at_s: float | None = None
    failing_since_s: float | None = None
    error: str = ""
    error_at_s: float | None = None


class Frame(NamedTuple):
    """What is sent at once, under one id however often it is tried. `messages`: each framed by its
    length. `lines` of an app's log are in it, `lost` were left out before them."""

    id: str
    messages: tuple[bytes, ...]
    place: Place
    lines: int
    lost: int = 0


def token(drain: str) -> str:
    """What a receiver knows the drain by; no secret."""
    return f"d.{drain}"
