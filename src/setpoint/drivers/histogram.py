"""Durations, counted by bounds."""

from bisect import bisect_left

from setpoint.model.figures import BOUNDS_S, Durations


class Histogram:
    __slots__ = ("_bounds_s", "_counts", "_sum_s")

    def __init__(self, bounds_s: tuple[float, ...] = BOUNDS_S) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def add(self, took_s: float) -> None:
        self._counts[bisect_left(self._bounds_s, took_s)] += 1
        self._sum_s += took_s

    def merge(self, other: "Histogram") -> None:
        """Of the same bounds."""
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        self._sum_s += other._sum_s

    @property
    def durations(self) -> Durations:
        return Durations(tuple(self._counts), self._sum_s)
