"""Counts what the edge answered, per app and process type, from the access log it hears anyway.

In memory, with the moment when counting began: who reads sums twice can tell what came in between,
whichever process died meanwhile. Envoy's own deaths leave no trace in here.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from setpoint.drivers.histogram import Histogram
from setpoint.formats.envoy.router_log import Entry, fault
from setpoint.model.figures import WAIT_BOUNDS_S, Answered, Answers, EdgeFigures
from setpoint.model.ids import AppId

ROWS_MAX = 20_000
"""Process types that are counted apart, 1 KiB each: more than can be declared."""
TOLD_MAX = 500
"""Of them told one by one to who asks for all."""
UPGRADED = 101
OTHERS = (AppId(""), "")


@dataclass(slots=True)
class Row:
    answers: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])
    wait: Histogram = field(default_factory=lambda: Histogram(WAIT_BOUNDS_S))


class Counts:
    """`now_s`: unix seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._since_s = now_s()
        self._rows: dict[tuple[AppId, str], Row] = {}

    def note(self, app: AppId, process: str, entry: Entry) -> None:
        row = self._row((app, process))
        if entry.status == UPGRADED:
            row.answers[(1, "")] += 1  # however long it lasts and whoever ends it
            return
        wrong = fault(entry)
        kind = (entry.status // 100, "") if wrong is None else (wrong.status // 100, wrong.label)
        row.answers[kind] += 1
        row.wait.add(entry.waited_ms / 1000)

    def drop(self, app: AppId) -> None:
        """It is gone for good."""
        for name in [name for name in self._rows if name[0] == app]:
            del self._rows[name]

    def figures(self, only: Collection[AppId] | None = None) -> EdgeFigures:
        """`only`: each process of these; else so many one by one, and all others together."""
        if only is not None:
            found = [(name, row) for name, row in self._rows.items() if name[0] in only]
            return EdgeFigures(self._since_s, _told(found))
        rows = list(self._rows.items())
        others = Row()
        for _, row in rows[TOLD_MAX:]:
            others.answers.update(row.answers)
            others.wait.merge(row.wait)
        rest = [(OTHERS, others)] if rows[TOLD_MAX:] else []
        return EdgeFigures(self._since_s, _told([*rows[:TOLD_MAX], *rest]))

    def _row(self, name: tuple[AppId, str]) -> Row:
        known = self._rows.get(name)
        if known is not None:
            return known
        place = name if len(self._rows) < ROWS_MAX else OTHERS
        return self._rows.setdefault(place, Row())


def _told(rows: Iterable[tuple[tuple[AppId, str], Row]]) -> tuple[Answered, ...]:
    return tuple(
        Answered(
            *name,
            tuple(Answers(*kind, count) for kind, count in sorted(row.answers.items())),
            row.wait.durations,
        )
        for name, row in rows
    )
