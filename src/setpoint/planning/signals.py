"""Samples against a signal. Pure: what was not measured for long enough proves nothing."""

from collections.abc import Sequence

from setpoint.model.app import MIB
from setpoint.model.figures import BOUNDS_S
from setpoint.model.signal import Measured, Sample, Signal
from setpoint.planning.explain import duration

COVERED_MIN = 0.9
"""Of the window: the plane may have been renewed in between."""


def measured(signal: Signal, samples: Sequence[Sample], now_s: float) -> Measured:
    """`samples`: of the app or process it is about; older ones are passed over."""
    within = [s for s in samples if s.at_s > now_s - signal.window_s]
    covered_s = sum(s.seconds for s in within)
    value = _value(signal, within, covered_s)
    long_enough = covered_s >= COVERED_MIN * signal.window_s
    return Measured(value, covered_s, value is not None and long_enough and signal.holds(value))


def told(signal: Signal, seen: Measured) -> str:
    """`rps is 31.0 over 7 d`, or what is missing yet."""
    of = f" of {signal.process}" if signal.process else ""
    if seen.value is None:
        return f"{signal.name}{of}: nothing to measure yet"
    text = f"{signal.name}{of} is {_in_words(signal, seen.value)} over {_span(signal.window_s)}"
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
        case "p99":
            return _quantile([sum(c) for c in zip(*(s.run for s in samples), strict=True)], 0.99)
        case "memory":
            return float(max(s.memory_bytes_peak for s in samples)) or None
        case "instances":
            return sum(s.instances * s.seconds for s in samples) / covered_s


def _quantile(counts: Sequence[int], share: float) -> float | None:
    """The bound that so many stay below; what took longer than all of them is told as the last."""
    total, below = sum(counts), 0
    for place, count in enumerate(counts):
        below += count
        if total and below >= share * total:
            return BOUNDS_S[min(place, len(BOUNDS_S) - 1)]
    return None


def _in_words(signal: Signal, value: float) -> str:
    match signal.name:
        case "p99":
            return f"at most {duration(value)}"
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
