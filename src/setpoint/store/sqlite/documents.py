"""Documents in rows: what cannot be read is named, and is no reason not to read the others."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from setpoint.model.errors import Unreadable

T = TypeVar("T")

HINT = "it is damaged, or a newer Setpoint wrote it: start that one, or restore a backup"


def reader(type_: type[T], what: str) -> Callable[[bytes], T]:
    """Decodes one kind of document. What it returns raises Unreadable.

    `what`: 'an intent'. The fact names fields, never what they hold.
    """
    decode = msgspec.json.Decoder[Any](type_).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(f"cannot read {what} from the store: {error}", HINT) from None

    return read
