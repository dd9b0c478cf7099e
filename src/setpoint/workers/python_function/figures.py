"""What is told to the supervisor about invocations: one line a second at most, none while idle."""

import asyncio
import json
from collections.abc import Callable

TELL_S = 1.0
TOLD_MAX = 150
"""A line of so many is below 4,096 bytes, which a pipe takes whole or not at all."""


class Figures:
    """`tell`: takes a line that nobody may be there to read."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._served: list[tuple[int, int, int | None]] = []
        self._peak_kib = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, status: int, run_ms: int, queue_ms: int | None, peak_kib: int) -> None:
        self._served.append((status, run_ms, queue_ms))
        self._peak_kib = peak_kib
        if len(self._served) >= TOLD_MAX:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_S, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._served:
            told = {"peak_kib": self._peak_kib, "calls": self._served}
            self._served = []
            self._tell(f"served {json.dumps(told, separators=(',', ':'))}")
