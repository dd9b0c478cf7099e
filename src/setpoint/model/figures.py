"""How processes start and answer, in sums since somebody began to count."""

from bisect import bisect_left
from math import inf

import msgspec

from setpoint.model.ids import AppId
from setpoint.model.process import StartKind

MAINTENANCE = "H80"
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
WAIT_BOUNDS_S = (
    *(n / 1000 for n in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    *(n / 100 for n in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    *(n / 10 for n in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    *(1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    *(10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0),
    *(100.0, 120.0),
)
"""Finer, since bets are held against them: what people name, so that it is known on which side of
it a quantile lies. `BOUNDS_S` are among them."""


class Durations(msgspec.Struct, frozen=True):
    """`counts`: how many took at most each of the bounds (`BOUNDS_S`, where nothing else is said)
    and more than the one before; the last longer than all. `sum_s`: of them together."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_s: float = 0.0

    def folded(self, fine_s: tuple[float, ...], coarse_s: tuple[float, ...]) -> "Durations":
        """From bounds to some of them."""
        counts = [0] * (len(coarse_s) + 1)
        for bound_s, count in zip((*fine_s, inf), self.counts, strict=True):
            counts[bisect_left(coarse_s, bound_s)] += count
        return Durations(tuple(counts), self.sum_s)


class ProcessFigures(msgspec.Struct, frozen=True):
    """Of one process type of an app, over all its releases; with `app` '' of all that are too many
    to be told one by one.

    `starts`: from the decision to readiness. `queue`, `run`: of a function's invocations, from the
    edge's first byte to the instance, and in it. `answers`: by the first digit of their status.
    `memory_bytes_peak`: of any instance that answered. `memory_bytes`: of its largest one now; 0
    where nobody asked or knows.
    """

    app: AppId
    process: str
    starts: dict[StartKind, Durations] = {}
    queue: Durations = Durations()
    run: Durations = Durations()
    answers: dict[str, int] = {}
    memory_bytes_peak: int = 0
    in_flight: int = 0
    instances: int = 0
    memory_bytes: int = 0


class Figures(msgspec.Struct, frozen=True):
    """`evictions`: processes that functions are forked from, ended by the supervisor, by reason."""

    processes: tuple[ProcessFigures, ...] = ()
    evictions: dict[str, int] = {}


class Answers(msgspec.Struct, frozen=True):
    """So many of one kind. `digit`: the first of their status. `code`: Heroku's, or the edge's own
    word, where the edge answered by itself or had to break off; '' for the app's own answers."""

    digit: int
    code: str
    count: int


class Answered(msgspec.Struct, frozen=True):
    """What the edge answered for one process type of an app, whoever made the answer; with `app`
    '' for all that are too many to be told one by one.

    `wait`: from a request's last byte to its answer's first, by `WAIT_BOUNDS_S`: neither slow
    uploads nor long streams are in it, but a start that the request was held for is.
    """

    app: AppId
    process: str
    answers: tuple[Answers, ...] = ()
    wait: Durations = Durations((0,) * (len(WAIT_BOUNDS_S) + 1))

    @property
    def total(self) -> int:
        """Maintenance is somebody's wish, and no answer of the app's."""
        return sum(a.count for a in self.answers if a.code != MAINTENANCE)

    @property
    def errors(self) -> int:
        return sum(a.count for a in self.answers if a.digit == 5 and a.code != MAINTENANCE)


class EdgeFigures(msgspec.Struct, frozen=True):
    """`since_s`: when counting began, unix seconds: with the edge agent, not with Envoy."""

    since_s: float
    processes: tuple[Answered, ...] = ()
