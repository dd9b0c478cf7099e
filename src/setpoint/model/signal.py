"""What is measured of an app over a time, so that a bet can be held against it."""

from typing import Literal

import msgspec

SignalName = Literal["rps", "error_rate", "p99", "memory", "instances"]
Comparison = Literal["<", "<=", ">", ">="]


class Signal(msgspec.Struct, frozen=True):
    """`rps < 50 over 7d`. `bound`: answers a second, a share of 1, seconds, bytes, or a count.

    `process`: of this one alone; '' is all of the app. `window_s`: the time looked at, up to now.
    """

    name: SignalName
    comparison: Comparison
    bound: float
    window_s: float
    process: str = ""

    def holds(self, value: float) -> bool:
        match self.comparison:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case ">=":
                return value >= self.bound

    def holds_between(self, least: float, most: float) -> bool:
        """Of a value that is more than `least` and at most `most`: whichever it is."""
        if self.comparison in ("<", "<="):
            return most <= self.bound
        return least >= self.bound


class Sample(msgspec.Struct, frozen=True):
    """What was counted of one app, or one process of it, in the `seconds` before `at_s`.

    `errors`: answers of 500 and above, the edge's own too. `run`: how long they were waited for,
    by `figures.WAIT_BOUNDS_S`. `instances`: ready, on average. `memory_bytes_peak`: the most that
    any instance had when it was looked at.
    """

    unit: str
    process: str
    at_s: float
    seconds: float
    answers: int = 0
    errors: int = 0
    run: tuple[int, ...] = ()
    instances: float = 0
    memory_bytes_peak: int = 0


class Sums(msgspec.Struct, frozen=True):
    """What had been counted of it at `at_s` since `since_s`, when whoever counts began."""

    unit: str
    process: str
    at_s: float
    since_s: float
    answers: int = 0
    errors: int = 0
    run: tuple[int, ...] = ()


class Measured(msgspec.Struct, frozen=True):
    """`value`: in the signal's unit, None where there was nothing to measure. `least`: what it is
    no lower than, where it is known by bounds only; `value` is then what it is no higher than.
    `covered_s`: how much of the window was measured. `wrong`: what would prove the bet wrong is so,
    over all of it, however one reads it."""

    value: float | None
    covered_s: float
    wrong: bool = False
    least: float | None = None
