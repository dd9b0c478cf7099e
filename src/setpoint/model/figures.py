"""How processes start and functions answer, in sums since the supervisor began to count."""

import msgspec

from setpoint.model.ids import AppId
from setpoint.model.process import StartKind

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Durations(msgspec.Struct, frozen=True):
    """`counts`: how many took at most each of `BOUNDS_S` and more than the one before; the last
    longer than all. `sum_s`: of them together."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_s: float = 0.0


class ProcessFigures(msgspec.Struct, frozen=True):
    """Of one process type of an app, over all its releases; with `app` '' of all that are too many
    to be told one by one.

    `starts`: from the decision to readiness. `queue`, `run`: of a function's invocations, from the
    edge's first byte to the instance, and in it. `answers`: by the first digit of their status.
    `memory_bytes_peak`: of any instance that answered.
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


class Figures(msgspec.Struct, frozen=True):
    """`evictions`: processes that functions are forked from, ended by the supervisor, by reason."""

    processes: tuple[ProcessFigures, ...] = ()
    evictions: dict[str, int] = {}
