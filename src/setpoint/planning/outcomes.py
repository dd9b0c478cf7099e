"""What came of a Change, and what could be known beforehand. Derived when asked for, never stored:
what is kept of the past says both."""

from collections.abc import Iterable, Sequence

from setpoint.model.change import Change, UnitChange
from setpoint.model.condition import Condition, ConditionType, find
from setpoint.model.history import Calibration, Took, Usual
from setpoint.model.story import Outcome, ReleaseTold
from setpoint.planning.history import usual


def predicted(change: Change, past: Sequence[Took]) -> Usual | None:
    """What its kind usually took when it was accepted. `past`: of its app, newest first."""
    at_s = change.asked.at_s
    known = [t for t in past if t.change < change.seq and t.settled_at_s <= at_s]
    return usual(known).get(change.verb)


def calibration(came: Iterable[Outcome]) -> Calibration:
    """Changes that had no prediction, or are not live, say nothing of it."""
    told = [
        c.took_s <= c.predicted.p90_s
        for c in came
        if c.took_s is not None and c.predicted is not None
    ]
    return Calibration(len(told), sum(told))


def outcome(
    made: UnitChange,
    past: Sequence[Took],
    conditions: tuple[Condition, ...],
    release: ReleaseTold | None,
    *,
    newest: bool,
    past_is_whole: bool,
) -> Outcome:
    """`conditions`: of the app, if they are about this Change. `newest`: of the app's Changes.
    `past_is_whole`: nothing that was ever so is missing in it."""
    change = made.change
    took = next((t for t in past if t.change == change.seq), None)
    usually = predicted(change, past)
    if took is not None:
        return Outcome("live", took.took_s, usually)
    if release is not None and release.status == "failed":
        return Outcome("failed", None, usually, release.message)
    if not newest:
        forgotten = not past_is_whole and change.seq < past[-1].change
        return Outcome("unknown" if forgotten else "overtaken", None, usually)
    stalled = find(conditions, ConditionType.STALLED)
    if stalled is not None and stalled.status:
        return Outcome("stalled", None, usually, stalled.message)
    return Outcome("under way", None, usually)
