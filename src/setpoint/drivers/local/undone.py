"""What the machine refuses now, since a disk is full or too many files are open: tried again.

For what follows from something that has happened and is told all the same. What may only happen
once it is on record does not come here.
"""

import logging
from collections.abc import Callable

from setpoint.drivers.local.seams import Timers
from setpoint.model.ids import SetKey

AGAIN_S = 1.0

log = logging.getLogger("setpoint.supervisor")


class Undone:
    def __init__(self, loop: Timers) -> None:
        self._loop = loop
        self._left: dict[tuple[str, SetKey], Callable[[], None]] = {}
        self._waiting = False

    def do(self, what: str, key: SetKey, how: Callable[[], None]) -> None:
        """Now or later. Of several with one name only the latest counts. `how` may raise OSError,
        which is told once."""
        try:
            how()
        except OSError as error:
            if (what, key) not in self._left:
                told = {"what": what, "set": key.short, "why": str(error)}
                log.warning("set.not_kept_up", extra=told)
            self._left[what, key] = how
            self._again_later()
        else:
            self._left.pop((what, key), None)

    def _again_later(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._loop.call_later(AGAIN_S, self._again)

    def _again(self) -> None:
        self._waiting = False
        for (what, key), how in list(self._left.items()):
            self.do(what, key, how)
