"""Documents in rows: what cannot be read is named, and is no reason not to read the others."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from setpoint.model.errors import Unreadable

T = TypeVar("T")

HINT = "it is damaged, or a newer Setpoint wrote it: start that one, or restore a backup"


AGAIN, AGAIN_BYTES_MAX = 512, 4096
"""So many of one kind stay decoded, at most 512 times some 10 KiB."""


def reader(type_: type[T], what: str, *, again: bool = False) -> Callable[[bytes], T]:
    """Decodes one kind of document. What it returns raises Unreadable.

    `what`: 'an intent'. The fact names fields, never what they hold. `again`: the same bytes come
    several times within a Change. They are looked up by what they are, so nothing of it goes stale.
    """
    decode = msgspec.json.Decoder[Any](type_).decode
    if again:
        decode = _remembering(decode)

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(f"cannot read {what} from the store: {error}", HINT) from None

    return read


def _remembering(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    known = lru_cache(AGAIN)(decode)
    return lambda body: known(body) if len(body) <= AGAIN_BYTES_MAX else decode(body)
