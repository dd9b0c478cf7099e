"""Whose memory it is: that of whoever opened it last. All who did before write nothing any more.

One data directory has one keeper, and that has one daemon, so two at once are an accident: one that
was stopped in the middle of something and goes on after another was started in its place.
"""

from collections.abc import Callable

from setpoint.model.errors import Superseded
from setpoint.store.sqlite import meta
from setpoint.store.sqlite.connection import Connection

Check = Callable[[Connection], None]
"""Raises Superseded."""


def take(db: Connection) -> int:
    """Inside a transaction. The number that is valid from its end on, until the next one is
    taken."""
    number = _current(db) + 1
    meta.put(db, meta.TENURE, str(number))
    return number


def holding(number: int) -> Check:
    def check(db: Connection) -> None:
        if _current(db) != number:
            raise Superseded(
                "cannot use the store: another daemon has taken over this data directory",
                "this one ends; what was asked of it just now was not kept",
            )

    return check


def nobody_else(db: Connection) -> None:
    """Of memory that no other can open."""


def _current(db: Connection) -> int:
    return int(meta.get(db, meta.TENURE) or 0)
