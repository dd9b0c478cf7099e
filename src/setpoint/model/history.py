"""How long things took: what an app's own past says about the next time."""

import msgspec


class Took(msgspec.Struct, frozen=True):
    """One Change, from when it was accepted until all of it was so."""

    change: int
    verb: str
    took_s: float
    settled_at_s: float = 0.0
    """unix seconds at which it was so"""


class Calibration(msgspec.Struct, frozen=True):
    """How good predictions were: of `count` Changes that had one and are live, `within` took no
    longer than their p90. Well predicted is 0.85 to 0.95 of them."""

    count: int
    within: int

    @property
    def share(self) -> float | None:
        return self.within / self.count if self.count else None


class Usual(msgspec.Struct, frozen=True):
    """Of `count` Changes of one kind: half took at most `median_s`, nine of ten at most `p90_s`."""

    count: int
    median_s: float
    p90_s: float
