"""Every job id the supervisor was ever told of, with what came of it: what makes a job start once.

On disk before anything of the job runs, and refused for 30 days after; longer than anybody repeats
a hand-over, and longer than a job may run. It outlives the app. One file of JSON lines per day,
synced at each line; the newest line of an id counts, and whole files are dropped by age.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from setpoint.drivers.local.files import sync_folder
from setpoint.model.ids import JobId
from setpoint.model.job import JobFacts, JobOrder

KEEP_S = 30 * 24 * 3600.0
DAY_S = 24 * 3600.0


class Line(msgspec.Struct, frozen=True):
    """`facts.state` 'running': it was handed over, and may run. `at_s`: when this was written.

    `order`: of one that may run.
    """

    facts: JobFacts
    at_s: float
    order: JobOrder | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Ledger:
    """`now_s`: unix seconds, since it outlives reboots."""

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self._folder = folder
        self._now_s = now_s
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lines: dict[JobId, Line] = {}
        self._today = ""
        for path in self._files():
            for line in _read(path):
                self._lines[line.facts.id] = line
        self._prune()

    def line(self, id: JobId) -> Line | None:
        return self._lines.get(id)

    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines.values())

    def enter(self, facts: JobFacts, order: JobOrder | None = None) -> None:
        """On disk when it returns. Raises OSError, and then counts as not said."""
        line = Line(facts, self._now_s(), order)
        self._append(line)
        self._lines[facts.id] = line

    def forget_words(self, id: JobId) -> None:
        """Of one that ended long ago nobody asks what it said last."""
        line = self._lines[id]
        if line.facts.last_lines:
            self._lines[id] = replace(line, facts=replace(line.facts, last_lines=()))

    def _append(self, line: Line) -> None:
        day = datetime.fromtimestamp(line.at_s, UTC).date().isoformat()
        path = self._folder / f"{day}.jsonl"
        fresh = not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # A line begins with its newline too: one that a power cut tore ends nothing but itself.
            with open(fd, "wb", closefd=False) as file:
                file.write(b"\n" + _encode(line) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        if fresh:
            sync_folder(self._folder)
        if self._today != day:
            self._today = day
            self._prune()

    def _prune(self) -> None:
        """Files older than any id in them has to be. What still runs is said again first."""
        oldest_s = self._now_s() - KEEP_S
        old = [path for path in self._files() if _ends_s(path) < oldest_s]
        if not old:
            return
        past = {id: line for id, line in self._lines.items() if line.at_s < oldest_s}
        for id, line in past.items():
            if line.facts.state == "running":
                self.enter(line.facts, line.order)
            else:
                del self._lines[id]
        for path in old:
            path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))


def _ends_s(path: Path) -> float:
    """When the day a file is named by is over; one with another name is never old."""
    try:
        return datetime.fromisoformat(path.stem).replace(tzinfo=UTC).timestamp() + DAY_S
    except ValueError:
        return float("inf")


def _read(path: Path) -> Iterator[Line]:
    for raw in path.read_bytes().splitlines():
        with contextlib.suppress(msgspec.MsgspecError):  # torn by a power cut: nothing was started
            yield _decode(raw)
