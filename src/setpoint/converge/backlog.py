"""Lines that wait to be sent to one drain. Bounded, each for itself and all together: the oldest
make room, and are counted."""

import asyncio
from collections import deque
from itertools import islice
from typing import NamedTuple

from setpoint.formats import logplex
from setpoint.formats.control import LogLine
from setpoint.model.drain import Frame, Place

LINES_MAX, BYTES_MAX = 12_000, 4 * 1024 * 1024
"""More than is kept of a log: what is read again after a restart has room."""
FAIR_BYTES = 64 * 1024
"""What each may have however much the others have."""
FRAME_LINES_MAX, FRAME_BYTES_MAX = 500, 512 * 1024


class _Waiting(NamedTuple):
    message: bytes
    place: Place
    at_s: float


class Room:
    """What all backlogs have together, in bytes of messages."""

    def __init__(self, bytes_max: int = 64 * 1024 * 1024) -> None:
        self.bytes_max = bytes_max
        self.taken = 0


class Backlog:
    """`host`: whom lines come from, to the other side."""

    def __init__(self, host: str, room: Room) -> None:
        self._room = room
        self.lost = 0
        """since the other side was told last"""
        self.lost_since_s: float | None = None
        self._host = host
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._something = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, line: LogLine, place: Place) -> None:
        content = logplex.message(line, self._host)
        self._waiting.append(_Waiting(content, place, line.at_s))
        self._bytes += len(content)
        self._room.taken += len(content)
        while self._overflows:
            self.lose(1, self._taken().at_s)
        self._something.set()

    def lose(self, count: int, since_s: float) -> None:
        """`count` 0: some, and nobody knows how many."""
        self.lost += count
        if self.lost_since_s is None:
            self.lost_since_s = since_s

    async def filled(self) -> None:
        await self._something.wait()

    def frame(self, id: str, now_s: float) -> Frame:
        """What is sent next, and is not here any more. Before it, that lines are missing. There has
        to be something: `filled`."""
        first = self._waiting[0]
        messages = [] if self.lost_since_s is None else [self._confession(now_s)]
        lost, self.lost, self.lost_since_s = self.lost, 0, None
        lines, size, place = 0, 0, first.place
        for waiting in [*islice(self._waiting, FRAME_LINES_MAX)]:
            size += len(waiting.message)
            if lines and size > FRAME_BYTES_MAX:
                break
            messages.append(waiting.message)
            lines, place = lines + 1, waiting.place
            self._taken()
        if not self._waiting:
            self._something.clear()
        return Frame(id, tuple(messages), place, lines, lost)

    def clear(self) -> None:
        while self._waiting:
            self._taken()

    @property
    def _overflows(self) -> bool:
        full = self._room.taken > self._room.bytes_max and self._bytes > FAIR_BYTES
        return full or len(self._waiting) > LINES_MAX or self._bytes > BYTES_MAX

    def _confession(self, now_s: float) -> bytes:
        assert self.lost_since_s is not None
        return logplex.lost(self.lost, self.lost_since_s, now_s, self._host)

    def _taken(self) -> _Waiting:
        waiting = self._waiting.popleft()
        self._bytes -= len(waiting.message)
        self._room.taken -= len(waiting.message)
        return waiting
