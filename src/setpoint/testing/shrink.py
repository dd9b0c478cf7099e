"""Makes a failing run small: leaves out ever smaller parts of its faults, as long as it fails."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

RUNS_MAX = 150
"""A few seconds for a line short enough to read."""

Numbers = tuple[int, ...] | None


@dataclass(frozen=True)
class Chosen:
    """Numbers of the faults that are to hit one run; None: as drawn from its seed.

    `mishaps`: what happens to the world. `strikes`: chances for a fault of a call, a read or a
    wake. `crashes`, `ends`: points at which the daemon dies, and the supervisor.
    """

    mishaps: Numbers = None
    strikes: Numbers = None
    crashes: Numbers = None
    ends: Numbers = None


def shrink(chosen: Chosen, fails: Callable[[Chosen], bool], runs_max: int = RUNS_MAX) -> Chosen:
    """The fewest faults found with which `fails` is still true. `chosen`: all of them, numbered."""
    left = [runs_max]

    def tried(fewer: Chosen) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(fewer)

    before = None
    while before != chosen and left[0] > 0:  # without one kind, more of another may be left out
        before = chosen
        for kind in fields(Chosen):
            chosen = _fewer(chosen, kind.name, tried)
    return chosen


def _fewer(chosen: Chosen, kind: str, tried: Callable[[Chosen], bool]) -> Chosen:
    """Every part of each size is tried once: what had to stay before rarely can go now."""
    size = len(getattr(chosen, kind) or ())
    while size >= 1:
        start = 0
        while start < len(kept := getattr(chosen, kind)):
            fewer = replace(chosen, **{kind: kept[:start] + kept[start + size :]})
            if tried(fewer):
                chosen = fewer
            else:
                start += size
        size //= 2
    return chosen
