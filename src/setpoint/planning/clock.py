"""Is the time of day to be believed? It decides what is old, and what is old is deleted.

A clock that is set to another year makes everything old at once, or young for ever. So it is held
against one that nobody can set: after a jump nothing is old until the new time has stood for a day,
in which somebody may put it right again.
"""

from msgspec.structs import replace

from setpoint.model.clock import Jump, Mark, Moment
from setpoint.model.retention import DAY_S

JUMP_S = 300.0
"""More than any correction that is made while a clock is kept right."""
TRUSTED_AFTER_S = DAY_S
AWAY_S_MAX = 30 * DAY_S
"""So long a machine may have been off. What nobody has seen is doubted beyond that: it costs a
day's patience."""


def follow(mark: Mark | None, now: Moment) -> Mark:
    """What is known by now. `mark`: what was known last, by whomever."""
    if mark is None:
        return Mark(now)
    by_s, away = _jumped(mark.moment, now)
    if by_s:
        return Mark(now, _with(mark.jump, by_s, now, away=away))
    return Mark(now, _stood(mark, now))


def _with(before: Jump | None, by_s: float, now: Moment, *, away: bool) -> Jump | None:
    """None: it has been put right again."""
    if before is None:
        return Jump(by_s, now.wall_s, away=away)
    together_s = by_s + before.by_s
    right = _may_have_been_off(together_s) if before.away else abs(together_s) <= JUMP_S
    return None if right else Jump(together_s, now.wall_s, away=before.away or away)


def _may_have_been_off(by_s: float) -> bool:
    """The time that passed while the machine was off is among it, and nobody knows how much."""
    return -JUMP_S <= by_s <= AWAY_S_MAX


def _stood(mark: Mark, now: Moment) -> Jump | None:
    if mark.jump is None:
        return None
    same = mark.moment.boot == now.boot
    stood_s = mark.jump.stood_s + now.up_s - (mark.moment.up_s if same else 0.0)
    return replace(mark.jump, stood_s=stood_s) if stood_s < TRUSTED_AFTER_S else None


def _jumped(before: Moment, now: Moment) -> tuple[float, bool]:
    """By how much, 0 for not at all, and whether the machine was started in between."""
    if before.boot == now.boot:
        by_s = (now.wall_s - before.wall_s) - (now.up_s - before.up_s)
        return (by_s if abs(by_s) > JUMP_S else 0.0), False
    off_s = now.wall_s - now.up_s - before.wall_s
    return (0.0 if _may_have_been_off(off_s) else off_s), True


def doubt(jump: Jump | None) -> str:
    """Why nothing is to be called old now, or ''."""
    return f"{words(jump)}; it is believed after a day" if jump is not None else ""


def ahead_s(jump: Jump | None) -> float:
    """How much later it is said to be than is believed. What a clock that was set back has ended
    by then is over all the same."""
    return max(0.0, jump.by_s) if jump is not None else 0.0


def words(jump: Jump) -> str:
    """'the clock jumped 31536000 s (365 d) ahead'"""
    way = "ahead" if jump.by_s > 0 else "back"
    far_s = abs(jump.by_s)
    days = f" ({far_s / DAY_S:.0f} d)" if far_s >= DAY_S else ""
    return f"the clock jumped {far_s:.0f} s{days} {way}"
