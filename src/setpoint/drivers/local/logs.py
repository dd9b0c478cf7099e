"""The logs of apps: JSON lines in two segments per app, so that an app has a bound in bytes.

Newest lines win: when a segment is full the one before it is forgotten. Nobody writes here but the
supervisor; readers ask it.
"""

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from setpoint.formats.control import LogLine
from setpoint.model.ids import AppId
from setpoint.model.log import EVERYTHING, LogFilter

SEGMENT_BYTES_MAX = 1024 * 1024
LINES_READ_MAX = 10_000

Listener = Callable[[LogLine], None]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LogLine)


class Logs:
    """All logs under one folder. `segment_bytes_max`: an app keeps between one and two of them."""

    def __init__(self, folder: Path, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self._folder = folder
        self._segment_bytes_max = segment_bytes_max
        self._listeners: dict[AppId, list[Listener]] = {}

    def append(self, app: AppId, lines: Sequence[LogLine]) -> None:
        """A full disk costs the lines, never the app that wrote them."""
        if not lines:
            return
        try:
            self._write(app, b"".join(_encoder.encode(line) + b"\n" for line in lines))
        except OSError:
            pass
        for listener in self._listeners.get(app, ()):
            for line in lines:
                listener(line)

    def tail(self, app: AppId, lines: int, only: LogFilter = EVERYTHING) -> tuple[LogLine, ...]:
        """The last `lines` that `only` lets through, oldest first."""
        wanted = max(0, min(lines, LINES_READ_MAX))
        if only == EVERYTHING:  # then only what is told has to be decoded
            return tuple(_decoded(deque(self._raw(app), maxlen=wanted)))
        kept = (line for line in _decoded(self._raw(app)) if line.kept_by(only))
        return tuple(deque(kept, maxlen=wanted))

    def _raw(self, app: AppId) -> Iterator[bytes]:
        for segment in self._segments(app):
            try:
                yield from segment.read_bytes().splitlines()
            except FileNotFoundError:
                continue

    def follow(self, app: AppId, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each new line; the result ends that."""
        self._listeners.setdefault(app, []).append(listener)

        def unfollow() -> None:
            listeners = self._listeners.get(app, [])
            listeners.remove(listener)
            if not listeners:
                self._listeners.pop(app, None)

        return unfollow

    def drop(self, app: AppId) -> None:
        shutil.rmtree(self._folder / app, ignore_errors=True)

    def _segments(self, app: AppId) -> tuple[Path, Path]:
        return self._folder / app / "older.jsonl", self._folder / app / "newer.jsonl"

    def _write(self, app: AppId, content: bytes) -> None:
        older, newer = self._segments(app)
        newer.parent.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(newer, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, content)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        if size > self._segment_bytes_max:
            newer.replace(older)


def _decoded(raw: Iterable[bytes]) -> Iterator[LogLine]:
    for line in raw:
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError:  # half a line, from a power cut
            continue
