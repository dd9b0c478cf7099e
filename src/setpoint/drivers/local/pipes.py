"""One instance's output: a FIFO that outlives its reader, read fairly and within a budget.

Both ends are opened read-write, so neither a dead supervisor kills a writer nor a dead writer ends
the reader: the end of output is the end of the process plus an empty pipe.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence

from setpoint.drivers.local.lines import Splitter

CHUNK_BYTES = 64 * 1024
"""Per turn of the event loop, so that no app's output delays another's."""
REMAINING_READS_MAX = 64
"""More than a full pipe holds, should somebody still write into it."""
BURST_BYTES = 2 * 1024 * 1024
BYTES_PER_S = 512 * 1024
"""Beyond this an app's lines are dropped and counted (Heroku's L10), and the app is not blocked."""
LAST_LINES = 20
LAST_LINE_CHARS_MAX = 500


class Budget:
    """A bucket of bytes that fills with time. `now_s` comes from a steady clock."""

    def __init__(self, now_s: float) -> None:
        self._left = float(BURST_BYTES)
        self._seen_s = now_s

    def take(self, size: int, now_s: float) -> bool:
        filled = self._left + (now_s - self._seen_s) * BYTES_PER_S
        self._left, self._seen_s = min(float(BURST_BYTES), filled), now_s
        if self._left < size:
            return False
        self._left -= size
        return True


class OutputPipe:
    """Reads `fd` until closed. `write` gets whole lines; `lost` how many were dropped."""

    def __init__(
        self,
        fd: int,
        write: Callable[[Sequence[str]], None],
        lost: Callable[[int], None],
    ) -> None:
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._write = write
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._splitter = Splitter()
        self._budget = Budget(self._loop.time())
        self._dropped = 0
        self._fd = fd
        self._loop.add_reader(self._fd, self._read_some)

    def close(self) -> None:
        """Nothing more can come: take what is left, bounded by the pipe's own size."""
        self._loop.remove_reader(self._fd)
        for _ in range(REMAINING_READS_MAX):
            if not self._read_some():
                break
        self._tell(list(self._splitter.flush()))
        self._report_drops()
        os.close(self._fd)

    def _read_some(self) -> bool:
        try:
            chunk = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if self._budget.take(len(chunk), self._loop.time()):
            self._report_drops()
            self._tell(list(self._splitter.feed(chunk)))
        else:
            self._tell(list(self._splitter.flush()))
            self._dropped += max(1, chunk.count(b"\n"))
        return True

    def _tell(self, lines: Sequence[str]) -> None:
        self.last_lines.extend(line[:LAST_LINE_CHARS_MAX] for line in lines[-LAST_LINES:])
        if lines:
            self._write(lines)

    def _report_drops(self) -> None:
        if self._dropped:
            self._lost(self._dropped)
            self._dropped = 0
