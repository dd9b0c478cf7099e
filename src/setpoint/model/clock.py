"""What is known of the time of day beside a clock that nobody can set."""

import msgspec


class Moment(msgspec.Struct, frozen=True):
    """`boot`: of the machine, another one each time. `up_s`: seconds since then, sleep included.
    `wall_s`: unix seconds, as the clock says."""

    boot: str
    up_s: float
    wall_s: float


class Jump(msgspec.Struct, frozen=True):
    """`by_s`: ahead, or back where it is below zero; all that are not over, together. `at_s`: unix
    seconds, by the clock right after it. `stood_s`: how long that clock has stood by now. `away`:
    found when the machine came up, so that it may have been off so long."""

    by_s: float
    at_s: float
    stood_s: float = 0.0
    away: bool = False


class Mark(msgspec.Struct, frozen=True):
    """How far that was followed. `jump`: one for which the clock is not believed yet."""

    moment: Moment
    jump: Jump | None = None
