"""What a row of docs/benchmarks.md is made of."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

Result = dict[str, Any]


class Row(NamedTuple):
    """`met` None: there is no goal. `spread`: how far single measurements lay apart."""

    what: str
    measured: str
    spread: str
    goal: str
    met: bool | None
    against: str


def spread(values: Sequence[float], digits: int, unit: str) -> str:
    """'0.36 / 0.40 / 0.49 s': the least, the median, the most."""
    found = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{v:.{digits}f}" for v in found) + f" {unit}"
