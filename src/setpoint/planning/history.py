"""What is usual for one app: medians of its recent past. Silent where it knows little."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from setpoint.model.history import Took, Usual

SAMPLES_MIN = 3
"""Fewer say nothing about the next time."""
SAMPLES_MAX = 20
"""An app changes: what it did half a year ago is not what is usual."""
TOOK_S_MAX = 3600.0
"""Longer ones waited for a human, or for a machine that was away."""


def usual(past: Iterable[Took]) -> dict[str, Usual]:
    """By verb. `past`: newest first."""
    samples: defaultdict[str, list[float]] = defaultdict(list)
    for took in past:
        known = samples[took.verb]
        if 0.0 <= took.took_s <= TOOK_S_MAX and len(known) < SAMPLES_MAX:
            known.append(took.took_s)
    return {
        verb: Usual(len(known), _at(known, 0.5), _at(known, 0.9))
        for verb, known in samples.items()
        if len(known) >= SAMPLES_MIN
    }


def _at(samples: Sequence[float], share: float) -> float:
    """The quantile, between the two nearest samples."""
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
