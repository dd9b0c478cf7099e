"""A store that was read-only when it was opened: everything is there to be read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from setpoint.model.errors import OpenAnew, StoreError
from setpoint.store.sqlite.connection import Connection

T = TypeVar("T")


class Refusing:
    """Takes no write. Once the file can be written it says so, and has to be opened anew: what
    reads it looks at nothing beside it."""

    def __init__(self, path: Path, refusal: StoreError) -> None:
        self._path = path
        self.refusal: StoreError | None = refusal

    async def run(
        self, work: Callable[[Connection], T], *, long: bool = False, later: bool = False
    ) -> T:
        if os.access(self._path, os.W_OK):
            raise OpenAnew(
                "cannot write to the store: it was read-only, and is opened anew just now",
                "try again in a moment; nothing was written",
            )
        assert self.refusal is not None
        raise self.refusal

    def accept(self) -> None:
        """Nothing ever is."""

    async def stop(self) -> None:
        """There is nothing to finish."""
