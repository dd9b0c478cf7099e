"""Samples against a signal. Pure: what was not measured for long enough proves nothing."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from setpoint.model.app import MIB
from setpoint.model.figures import WAIT_BOUNDS_S
from setpoint.model.signal import Measured, Sample, Signal
from setpoint.planning.explain import duration

COVERED_MIN = 0.9
"""Of the window: the plane may have been renewed in between."""


STEPS_S = ((2 * 3600.0, 600.0), (2 * 86_400.0, 3600.0))
"""Samples older than the first are kept as one for so long: a month is a thousand rows, not forty
thousand, and a window begins within a tenth of where it should."""


def thinned(samples: Sequence[Sample], now_s: float) -> list[Sample]:
    """Of one app or process, oldest first. What was thinned before stays as it is."""
    groups: dict[tuple[float, float], list[Sample]] = {}
    for sample in samples:
        span_s = max((s for age_s, s in STEPS_S if sample.at_s < now_s - age_s), default=0.0)
        place = sample.at_s // span_s if span_s else sample.at_s
        groups.setdefault((span_s, place), []).append(sample)
    return [_together(group) for group in groups.values()]


def _together(group: Sequence[Sample]) -> Sample:
    last = group[-1]
    if len(group) == 1:
        return last
    seconds = sum(s.seconds for s in group)
    runs = [s.run for s in group if len(s.run) == len(last.run)]
    return Sample(
        unit=last.unit,
        process=last.process,
        at_s=last.at_s,
        seconds=seconds,
        answers=sum(s.answers for s in group),
        errors=sum(s.errors for s in group),
        run=tuple(sum(counts) for counts in zip(*runs, strict=True)),
        instances=sum(s.instances * s.seconds for s in group) / seconds if seconds else 0.0,
        memory_bytes_peak=max(s.memory_bytes_peak for s in group),
    )


def measured(signal: Signal, samples: Sequence[Sample], now_s: float) -> Measured:
    """`samples`: of the app or process it is about; older ones are passed over."""
    within = [s for s in samples if now_s - signal.window_s < s.at_s <= now_s]
    covered_s = sum(s.seconds for s in within)
    long_enough = covered_s >= COVERED_MIN * signal.window_s
    if signal.name == "p99":
        return _between(signal, _quantile(within, 0.99), covered_s, long_enough=long_enough)
    value = _value(signal, within, covered_s)
    return Measured(value, covered_s, value is not None and long_enough and signal.holds(value))


def _between(
    signal: Signal, bounds_s: tuple[float, float] | None, covered_s: float, *, long_enough: bool
) -> Measured:
    if bounds_s is None:
        return Measured(None, covered_s)
    least, most = bounds_s
    wrong = long_enough and signal.holds_between(least, most)
    return Measured(most if most < inf else least, covered_s, wrong, least)


def told(signal: Signal, seen: Measured) -> str:
    """`rps is 31.0 over 7 d`, or what is missing yet."""
    of = f" of {signal.process}" if signal.process else ""
    if seen.value is None:
        return f"{signal.name}{of}: nothing to measure yet"
    text = (
        f"{signal.name}{of} is {_in_words(signal, seen, seen.value)} over {_span(signal.window_s)}"
    )
    if seen.covered_s < COVERED_MIN * signal.window_s:
        text += f", of which {_span(seen.covered_s)} were measured yet"
    return text


def _value(signal: Signal, samples: Sequence[Sample], covered_s: float) -> float | None:
    if not samples or not covered_s:
        return None
    answers = sum(s.answers for s in samples)
    match signal.name:
        case "rps":
            return answers / covered_s
        case "error_rate":
            return sum(s.errors for s in samples) / answers if answers else None
        case "memory":
            return float(max(s.memory_bytes_peak for s in samples)) or None
        case _:
            return sum(s.instances * s.seconds for s in samples) / covered_s


def _quantile(samples: Sequence[Sample], share: float) -> tuple[float, float] | None:
    """The two bounds that it lies between; the longest is between the last one and for ever."""
    runs = [s.run for s in samples if len(s.run) == len(WAIT_BOUNDS_S) + 1]
    counts = [sum(c) for c in zip(*runs, strict=True)]
    total, below = sum(counts), 0
    for count, bounds_s in zip(counts, pairwise((0.0, *WAIT_BOUNDS_S, inf)), strict=False):
        below += count
        if total and below >= share * total:
            return bounds_s
    return None


def _in_words(signal: Signal, seen: Measured, value: float) -> str:
    match signal.name:
        case "p99":
            least = seen.least or 0.0
            if least == value:
                return f"more than {duration(value)}"
            return f"{duration(least)} to {duration(value)}" if least else f"≤ {duration(value)}"
        case "error_rate":
            return f"{value:.2%}"
        case "memory":
            return f"{value / MIB:.0f} MiB"
        case _:
            return f"{value:.1f}"


def _span(seconds: float) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{seconds:.0f} s"
