"""When what was not taken is sent again, and what is said of deliveries that fail."""

from collections.abc import Sequence

from setpoint.model.app import AppIntent
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.drain import Shipped

AGAIN_S_MIN, AGAIN_S_MAX = 1.0, 60.0
FAILING_S = 300.0
"""So long one fails before somebody is to look: receivers are restarted, too."""
BEFORE_S_MAX = 5.0
"""What failed so long after now was noted meanwhile; beyond that the clock was set back."""


def again_s(failures: int, luck: float) -> float:
    """Twice as long each time; `luck` (0 to 1) spreads those that failed together."""
    wait_s = min(AGAIN_S_MAX, AGAIN_S_MIN * 2.0 ** min(failures - 1, 10))
    return wait_s * (0.75 + 0.5 * luck)


def state(shipped: Shipped | None, now_s: float) -> str:
    """'new', 'delivering', 'retrying', or 'failing' once that lasts."""
    if shipped is None or (shipped.delivered_at_s is None and shipped.failing_since_s is None):
        return "new"
    if shipped.failing_since_s is None:
        return "delivering"
    ago_s = now_s - shipped.failing_since_s
    return "retrying" if -BEFORE_S_MAX <= ago_s < FAILING_S else "failing"


def words(to: str, shipped: Shipped | None, now_s: float) -> str:
    """In a line: 'https://logs.example.com: 12 lines delivered, 3 dropped, failing: ...'."""
    told = [f"{to}: {shipped.delivered if shipped is not None else 0} lines delivered"]
    if shipped is not None:
        if shipped.dropped:
            told.append(f"{shipped.dropped} dropped")
        if shipped.failing_since_s is not None:
            told.append(f"{state(shipped, now_s)}: {shipped.error}")
    return ", ".join(told)


def condition(
    intent: AppIntent, generation: int, shipped: Sequence[Shipped], now_s: float
) -> Condition | None:
    """None for an app whose log goes nowhere else."""
    if not intent.drains:
        return None
    failing = [
        (intent.drains[s.drain].to, s)
        for s in shipped
        if s.drain in intent.drains and state(s, now_s) == "failing"
    ]
    if not failing:
        return Condition(ConditionType.DELIVERING, True, "Delivering", "", generation)
    told = "; ".join(f"{to} takes nothing of the log: {s.error}" for to, s in failing)
    since_s = min(s.failing_since_s or now_s for _, s in failing)
    return Condition(
        ConditionType.DELIVERING, False, "DrainFailing", told, generation, since_s=since_s
    )
