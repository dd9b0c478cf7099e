"""The one place that asks what time it is, draws luck and makes ids. Passed on as arguments."""

import random
import secrets
import time
import uuid
from collections.abc import Callable
from functools import cache

from setpoint.model.clock import Moment


def now() -> float:
    """Unix seconds."""
    return time.time()


def up_s() -> float:
    """Seconds since boot, sleep included. Nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def moment() -> Moment:
    """Now, by both clocks."""
    return Moment(_boot(), up_s(), now())


@cache
def _boot() -> str:
    """Another one each time the machine starts."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


class Clock:
    """Unix seconds for whoever keeps moments: an hour's jump must not be an hour's wait.

    It goes on as it went until a jump is heeded, so that whatever was noted goes by one clock. What
    slews slowly is no jump. `apart_s`: how far it is from the seconds since boot, which a note of a
    moment has beside it where another process is to read it.
    """

    TOLERANCE_S = 2.0

    def __init__(
        self,
        wall_s: Callable[[], float] = time.time,
        boot_s: Callable[[], float] = up_s,
    ) -> None:
        self._wall_s, self._boot_s = wall_s, boot_s
        self.apart_s = wall_s() - boot_s()
        self.on_jump: list[Callable[[float], None]] = []
        """each is told by how many seconds, and moves what it has noted"""

    def now_s(self) -> float:
        boot_s = self._boot_s()
        apart_s = self._wall_s() - boot_s
        if abs(apart_s - self.apart_s) <= self.TOLERANCE_S:
            self.apart_s = apart_s
        return boot_s + self.apart_s

    def heed(self) -> float:
        """By how many seconds it jumped since the last call; 0 for none."""
        before_s, self.apart_s = self.apart_s, self._wall_s() - self._boot_s()
        by_s = self.since(before_s)
        if by_s:
            for moves in self.on_jump:
                moves(by_s)
        return by_s

    def since(self, apart_s: float | None) -> float:
        """By how many seconds it jumped since it was so far apart; 0 where nobody knows that."""
        by_s = self.apart_s - apart_s if apart_s is not None else 0.0
        return by_s if abs(by_s) > self.TOLERANCE_S else 0.0


def luck() -> float:
    """Uniform in [0, 1), for jitter only."""
    return random.random()


def new_id() -> str:
    return str(uuid.uuid4())


def new_token() -> str:
    """256 bits of secret randomness as text: invoke keys, API tokens, upload addresses."""
    return secrets.token_urlsafe(32)
