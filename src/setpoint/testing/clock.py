"""A clock that moves only when told: for tests of what takes `now` as an argument."""

from dataclasses import dataclass


@dataclass
class ManualClock:
    """Call it for the time; `advance` moves it."""

    now_s: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "time does not run backwards"
        self.now_s += seconds
