"""The last stage: what can be said about the app in five conditions."""

from setpoint.model.condition import Condition, ConditionType
from setpoint.model.steps import Plan
from setpoint.planning import releases
from setpoint.planning.draft import Draft


def finish(draft: Draft) -> Plan:
    """Unstamped conditions: the recorder carries `since_s` over (`condition.stamp`)."""
    return Plan(
        steps=tuple(draft.steps),
        waiting=tuple(draft.waiting),
        unmet=tuple(draft.unmet),
        conditions=(
            _make(draft, ConditionType.ACCEPTED, True, "Accepted", ""),
            _satisfiable(draft),
            _progressing(draft),
            _ready(draft),
            _stalled(draft),
        ),
        alarm_s=min(draft.alarms_s, default=None),
        drift=tuple(draft.drift),
        left_undone=draft.left_undone,
        withdrawn=draft.too_low,
        wants=frozenset(draft.wants),
    )


def _make(draft: Draft, type_: ConditionType, status: bool, reason: str, message: str) -> Condition:
    return Condition(type_, status, reason, message, draft.unit.generation)


def _satisfiable(draft: Draft) -> Condition:
    if not draft.unmet:
        return _make(draft, ConditionType.SATISFIABLE, True, "Satisfiable", "")
    told = "; ".join(f"{u.path}: wanted {u.wanted}, offered {u.offered}" for u in draft.unmet)
    reason = "Substituted" if all(u.warned for u in draft.unmet) else "NoProviderOffers"
    return _make(draft, ConditionType.SATISFIABLE, False, reason, told)


def _progressing(draft: Draft) -> Condition:
    busy = bool(draft.steps or draft.waiting)
    told = "; ".join(w.because for w in draft.waiting)
    return _make(draft, ConditionType.PROGRESSING, busy, "Converging" if busy else "Settled", told)


def _ready(draft: Draft) -> Condition:
    if draft.target is None:
        reason = "NothingDeployed" if draft.unit.intent.source is None else "NotYetReleased"
        return _make(draft, ConditionType.READY, False, reason, "no release serves yet")
    if draft.stalled is not None:
        return _make(draft, ConditionType.READY, False, draft.stalled[0], _what_serves(draft))
    current = draft.target.change >= draft.unit.shape_change
    ready = draft.serving and current and draft.target.status == "succeeded"
    return _make(
        draft,
        ConditionType.READY,
        ready,
        "Serving" if ready else "NotYet",
        f"{draft.target.label} serves" if ready else "",
    )


def _what_serves(draft: Draft) -> str:
    """While only a human can help. A release on its way may be the target, and serves nobody."""
    served = releases.proven(draft.observed)
    if served is None:
        return "no release serves yet"
    if draft.too_low:
        return f"{served.label} is to serve, and may not run at this level"
    if draft.stalled is not None and draft.stalled[0] == "StackGone":
        return f"{served.label} serves, on layers of another stack"
    if served is draft.target and not draft.serving:
        return f"{served.label} is to serve, and not all of it does"
    return f"{served.label} serves; what was asked since does not"


def _stalled(draft: Draft) -> Condition:
    if draft.stalled is None:
        return _make(draft, ConditionType.STALLED, False, "NotStalled", "")
    return _make(draft, ConditionType.STALLED, True, *draft.stalled)
