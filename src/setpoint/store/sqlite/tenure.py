"""Whose memory it is: that of whoever opened it last. All who did before write nothing any more.

One data directory has one keeper, and that has one daemon, so two at once are an accident: one that
was stopped in the middle of something and goes on after another was started in its place.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from setpoint.model.errors import Superseded
from setpoint.store.sqlite import meta
from setpoint.store.sqlite.connection import Connection

Check = Callable[[Connection], None]
"""Raises Superseded."""


def _new_mark() -> str:
    return os.urandom(8).hex()


@dataclass(frozen=True)
class Tenure:
    """`before`: whose it was when this one opened it, '' for nobody's; `mark`: its own.

    It is taken with the first write, which is at once unless the disk is full: then nobody writes,
    and whoever had it before is told once there is room.
    """

    before: str
    mark: str = field(default_factory=_new_mark)

    def take(self, db: Connection) -> None:
        """First in each transaction that writes. Raises Superseded."""
        if self._holder(db) != self.mark:
            meta.put(db, meta.TENURE, self.mark)

    def check(self, db: Connection) -> None:
        """Raises Superseded."""
        self._holder(db)

    def _holder(self, db: Connection) -> str:
        found = holder(db)
        if found not in (self.mark, self.before):
            raise Superseded(
                "cannot use the store: another daemon has taken over this data directory",
                "this one ends; what was asked of it just now was not kept",
            )
        return found


def holder(db: Connection) -> str:
    return meta.get(db, meta.TENURE) or ""


def nobody_else(db: Connection) -> None:
    """Of memory that no other can open."""
