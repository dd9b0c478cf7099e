"""Every job id the supervisor was ever told of, with what came of it: what makes a job start once.

On disk before anything of the job runs, and refused for 30 days after; longer than anybody repeats
a hand-over, and longer than a job may run. It outlives the app. One file of JSON lines per day,
synced at each line; the newest line of an id counts, and whole files are dropped by age. The last
day before today on which anything was told stays whatever its age: a clock that jumps by a month
makes nothing of it old, and what just ended may not be settled yet. Nor does one that was a year
late and is put right: nothing goes that may be younger than an hour by the seconds since boot.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local.files import Folder
from setpoint.model.ids import JobId
from setpoint.model.job import JobFacts, JobOrder

KEEP_S = 30 * 24 * 3600.0
DAY_S = 24 * 3600.0
SURE_S = 3600.0
"""Longer than a daemon that lives takes to settle what ended. No more, since a machine that is off
each night is to forget something, too."""
SUFFIX = ".jsonl"


class Line(msgspec.Struct, frozen=True):
    """`facts.state` 'running': it was handed over, and may run. `at_s`: when this was written.

    `order`: of one that may run. `apart_s`: of the clock, then. `up_s`: seconds since boot, then.
    """

    facts: JobFacts
    at_s: float
    order: JobOrder | None = None
    apart_s: float | None = None
    up_s: float | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Ledger:
    """By unix seconds, since it outlives reboots."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lines: dict[JobId, Line] = {}
        self._today = ""
        for name in self._files():
            for line in _lines(folder.read(name)):
                self._lines[line.facts.id] = line
        self._prune(_file(clock.now_s()))

    def line(self, id: JobId) -> Line | None:
        return self._lines.get(id)

    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines.values())

    def enter(self, facts: JobFacts, order: JobOrder | None = None) -> None:
        """On disk when it returns. Raises OSError, and then counts as not said."""
        now_s, known = self._clock.now_s(), self._lines.get(facts.id)
        today = _file(now_s)
        if self._today != today:
            self._prune(today)  # first: what it says again comes before what is new
        # After a clock was set back, too: its end is in no older file, which goes sooner.
        at_s = now_s if known is None else max(now_s, known.at_s)
        self._append(Line(facts, at_s, order, self._clock.apart_s, self._up_s()))

    def forget_words(self, id: JobId) -> None:
        """Of one that ended long ago nobody asks what it said last."""
        line = self._lines[id]
        if line.facts.last_lines:
            self._lines[id] = replace(line, facts=replace(line.facts, last_lines=()))

    def _append(self, line: Line) -> None:
        # A line begins with its newline too: one that a power cut tore ends nothing but itself.
        self._folder.append(_file(line.at_s), b"\n" + _encode(line) + b"\n")
        self._lines[line.facts.id] = line

    def _prune(self, today: str) -> None:
        """Files older than any id in them has to be. What still runs is said again first."""
        before_s = self._clock.now_s() - KEEP_S
        old = [name for name in self._files() if name != today][:-1]
        old = [name for name in old if _ends_s(name) < before_s]
        past = [line for line in self._lines.values() if line.at_s < before_s]
        young = [_file(line.at_s) for line in past if not self._surely_old(line)]
        # None after one that stays: an end goes no sooner than its beginning.
        gone = {name for name in old if not young or name < min(young)}
        self._forget([line for line in past if _file(line.at_s) in gone])
        for name in sorted(gone):
            self._folder.remove(name)
        self._today = "" if young else today

    def _forget(self, past: list[Line]) -> None:
        for line in past:
            if line.facts.state == "running":
                self._append(replace(line, at_s=self._clock.now_s(), up_s=self._up_s()))
        for line in past:
            if line.facts.state != "running":
                del self._lines[line.facts.id]

    def _surely_old(self, line: Line) -> bool:
        """Whatever the clock says. What has more seconds since boot is of an earlier one."""
        up_s, then_s = self._up_s(), line.up_s or 0.0
        return up_s - (then_s if then_s <= up_s else 0.0) >= SURE_S

    def _up_s(self) -> float:
        return self._clock.now_s() - self._clock.apart_s

    def _files(self) -> list[str]:
        return [name for name in self._folder.names() if name.endswith(SUFFIX)]


def _file(at_s: float) -> str:
    """Of the day in which this is."""
    return f"{datetime.fromtimestamp(at_s, UTC).date().isoformat()}{SUFFIX}"


def _ends_s(name: str) -> float:
    """When the day a file is named by is over; one with another name is never old."""
    try:
        return (
            datetime.fromisoformat(name.removesuffix(SUFFIX)).replace(tzinfo=UTC).timestamp()
            + DAY_S
        )
    except ValueError:
        return float("inf")


def _lines(data: bytes) -> Iterator[Line]:
    for raw in data.splitlines():
        with contextlib.suppress(msgspec.MsgspecError):  # torn by a power cut: nothing was started
            yield _decode(raw)
