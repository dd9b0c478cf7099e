"""Makes a failing run small: leaves out ever smaller parts of its faults, as long as it fails."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

RUNS_MAX = 300
"""A minute or two, where something failed, for a line short enough to read."""

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
    """The fewest faults found with which `fails` is still true. `chosen`: all of them, numbered.

    Of every kind large parts are tried before small ones of any, so that a kind of which there are
    many does not take all the runs.
    """
    left = [runs_max]

    def tried(fewer: Chosen) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(fewer)

    before = None
    while before != chosen and left[0] > 0:  # without one kind, more of another may be left out
        before, parts = chosen, 1
        while any(parts < 2 * len(numbers) for numbers in _kinds(chosen).values()):
            for kind in _kinds(chosen):
                chosen = _fewer(chosen, kind, parts, tried)
            parts *= 2
    return chosen


def _kinds(chosen: Chosen) -> dict[str, tuple[int, ...]]:
    return {kind.name: getattr(chosen, kind.name) or () for kind in fields(Chosen)}


def _fewer(chosen: Chosen, kind: str, parts: int, tried: Callable[[Chosen], bool]) -> Chosen:
    """Without as many of so many parts as can go, the last first: what came after it failed goes at
    once."""
    end = len(_kinds(chosen)[kind])
    size = -(-end // parts) if parts < 2 * end else 0
    while size and end > 0:
        kept = _kinds(chosen)[kind]
        fewer = replace(chosen, **{kind: kept[: max(0, end - size)] + kept[end:]})
        chosen = fewer if tried(fewer) else chosen
        end -= size
    return chosen
