"""Going back on one decision: the document as it would be, and what that would cost or free."""

from collections.abc import Sequence

from setpoint.model.app import DYNO_SIZES, AppIntent
from setpoint.model.change import Touch
from setpoint.model.paths import conflict_scope, flatten, merge, owner, unflatten
from setpoint.model.release import ProcessType


def without(now: AppIntent, before: AppIntent, touches: Sequence[Touch], path: str) -> AppIntent:
    """`now` with what one Change made of a path, and of all that is one decision with it, as it
    was `before`; later decisions stay. What was not there before goes as a whole."""
    scope, then = conflict_scope(path), flatten(before)
    undone = [touch for touch in touches if conflict_scope(touch.path) == scope]
    after = merge(flatten(now), then, undone)
    whole = owner(path)
    if whole and not any(leaf.startswith(whole) for leaf in then):
        after = {leaf: value for leaf, value in after.items() if not leaf.startswith(whole)}
    return unflatten(now.id, after)


def effect(
    before: AppIntent, after: AppIntent, processes: Sequence[ProcessType]
) -> tuple[int, int]:
    """(instances, bytes): how much more, or less, would always run of these process types."""
    old, new = _standing(before, processes), _standing(after, processes)
    return new[0] - old[0], new[1] - old[1]


def _standing(intent: AppIntent, processes: Sequence[ProcessType]) -> tuple[int, int]:
    said = [intent.formation_of(p.name, p.kind) for p in processes if p.kind != "release"]
    return (
        sum(f.min for f in said),
        sum(f.min * DYNO_SIZES[f.size].memory_bytes_max for f in said if f.size in DYNO_SIZES),
    )
