"""Was it the machine that kept something from being started, and nothing of the app?"""

import errno
import os

from setpoint.model.errors import Terminal
from setpoint.model.level import Level, at_least

OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})


class TooLow(Terminal):
    """The machine has a lower level of isolation than is asked for."""

    def __init__(self, what: str, wanted: Level, level: Level) -> None:
        runs = f"it runs at isolation level {wanted} at least, and this machine has {level}"
        super().__init__(f"cannot start {what}: {runs}")
        self.lacks = f"it has isolation level {level}, and {wanted} is asked for"


def check_level(what: str, wanted: Level | None, level: Level) -> None:
    """An order may be older than the level that this machine has now. Raises TooLow."""
    if wanted is not None and not at_least(level, wanted):
        raise TooLow(what, wanted, level)


def hindrance(error: BaseException | None) -> str:
    """What the machine lacks: 'No space left on device'; '' where it is not that."""
    while error is not None:
        if isinstance(error, TooLow):
            return error.lacks
        if isinstance(error, OSError) and error.errno in OURS:
            return os.strerror(error.errno)
        error = error.__cause__
    return ""
