"""Was it the machine that kept something from being started, and nothing of the app?"""

import errno
import os

from setpoint.model.errors import Terminal
from setpoint.model.level import Level, at_least

OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})


class TooLow(Terminal):
    """The machine has a lower level of isolation than is asked for. `lacks`: in its own words."""

    def __init__(self, message: str, lacks: str = "") -> None:
        super().__init__(message)
        self.lacks = lacks


def check_level(what: str, wanted: Level | None, level: Level) -> None:
    """An order may be older than the level that this machine has now. Raises TooLow."""
    if wanted is not None and not at_least(level, wanted):
        runs = f"it runs at isolation level {wanted} at least, and this machine has {level}"
        lacks = f"it has isolation level {level}, and {wanted} is asked for"
        raise TooLow(f"cannot start {what}: {runs}", lacks)


def hindrance(error: BaseException | None) -> str:
    """What the machine lacks: 'No space left on device'; '' where it is not that."""
    while error is not None:
        if isinstance(error, TooLow):
            return error.lacks
        if isinstance(error, OSError) and error.errno in OURS:
            return os.strerror(error.errno)
        error = error.__cause__
    return ""
