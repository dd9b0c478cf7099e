"""Counts starts and invocations, for whoever watches how well this installation does.

Kept in memory: they begin anew with each supervisor, as counters may.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from setpoint.drivers.histogram import Histogram
from setpoint.model.figures import Figures, ProcessFigures
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import SetFacts, StartKind

SERIES_MAX = 500
"""Process types that are told one by one; what comes later is told together."""
OTHERS = (AppId(""), "")
MS_MAX = 24 * 3600 * 1000
KIB = 1024

Status = Annotated[int, Meta(ge=0, le=999)]
Milliseconds = Annotated[int, Meta(ge=0, le=MS_MAX)]


class Served(msgspec.Struct, frozen=True):
    """What an instance tells of its invocations. `calls`: status, in the function, in the queue."""

    peak_kib: Annotated[int, Meta(ge=0, le=1 << 40)]
    calls: Annotated[
        tuple[tuple[Status, Milliseconds, Milliseconds | None], ...], Meta(max_length=1000)
    ]


@dataclass
class Row:
    starts: dict[StartKind, Histogram] = field(default_factory=dict[StartKind, Histogram])
    queue: Histogram = field(default_factory=Histogram)
    run: Histogram = field(default_factory=Histogram)
    answers: Counter[str] = field(default_factory=Counter[str])
    memory_bytes_peak: int = 0
    memory_bytes_lately: int = 0
    """the most that was told since it was weighed last"""


class Tally:
    def __init__(self) -> None:
        self._rows: dict[tuple[AppId, str], Row] = {}
        self._evictions: Counter[str] = Counter()

    def started(self, key: SetKey, kind: StartKind, took_s: float) -> None:
        """It got ready."""
        self._row(key).starts.setdefault(kind, Histogram()).add(max(0.0, took_s))

    def served(self, key: SetKey, said: bytes) -> None:
        """A line that an app may have written: what cannot be read is nothing."""
        with contextlib.suppress(msgspec.MsgspecError):
            told = msgspec.json.decode(said, type=Served)
            row = self._row(key)
            row.memory_bytes_peak = max(row.memory_bytes_peak, told.peak_kib * KIB)
            row.memory_bytes_lately = max(row.memory_bytes_lately, told.peak_kib * KIB)
            for status, run_ms, queue_ms in told.calls:
                row.answers[str(status // 100)] += 1
                row.run.add(run_ms / 1000)
                if queue_ms is not None:
                    row.queue.add(queue_ms / 1000)

    def evicted(self, why: str) -> None:
        self._evictions[why] += 1

    def drop(self, app: AppId) -> None:
        """It is gone for good."""
        for name in [name for name in self._rows if name[0] == app]:
            del self._rows[name]

    def figures(
        self, facts: Iterable[SetFacts], memory: Mapping[SetKey, int] | None = None
    ) -> Figures:
        """`facts`: what runs now. `memory`: of the largest instance of some sets; of a function,
        which may sleep again by now, also what it told since the last time it was looked at."""
        in_flight: Counter[tuple[AppId, str]] = Counter()
        instances: Counter[tuple[AppId, str]] = Counter()
        for seen in facts:
            name = self._name(seen.key)
            in_flight[name] += seen.in_flight
            instances[name] += len(seen.ready)
        largest: dict[tuple[AppId, str], int] = {}
        for key, used in (memory or {}).items():
            name = self._name(key)
            row = self._rows.get(name)
            lately = row.memory_bytes_lately if row is not None else 0
            largest[name] = max(used, lately, largest.get(name, 0))
            if row is not None:
                row.memory_bytes_lately = 0
        names = dict.fromkeys((*self._rows, *instances))
        rows = (
            _told(n, self._rows.get(n, Row()), in_flight[n], instances[n], largest.get(n, 0))
            for n in names
        )
        return Figures(tuple(rows), dict(self._evictions))

    def _name(self, key: SetKey) -> tuple[AppId, str]:
        name = (key.app, key.process)
        return name if name in self._rows or len(self._rows) < SERIES_MAX else OTHERS

    def _row(self, key: SetKey) -> Row:
        return self._rows.setdefault(self._name(key), Row())


def _told(
    name: tuple[AppId, str], row: Row, in_flight: int, instances: int, memory_bytes: int
) -> ProcessFigures:
    return ProcessFigures(
        *name,
        {kind: histogram.durations for kind, histogram in row.starts.items()},
        row.queue.durations,
        row.run.durations,
        dict(row.answers),
        row.memory_bytes_peak,
        in_flight,
        instances,
        memory_bytes,
    )
