"""Going back on one decision: the document as it would be, and what that would cost or free."""

from collections.abc import Sequence

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Touch
from setpoint.model.observed import Observed
from setpoint.model.paths import conflict_scope, flatten, merge, owner, unflatten
from setpoint.model.release import ProcessType
from setpoint.planning.draft import Draft
from setpoint.planning.granting import grant, size_of
from setpoint.planning.isolation import plan_isolation


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
    unit: Unit, after: AppIntent, processes: Sequence[ProcessType], capabilities: Capabilities
) -> tuple[int, int]:
    """(instances, bytes): how much more, or less, would always run of these process types, of what
    is granted now and would be."""
    old = _standing(unit, processes, capabilities)
    new = _standing(msgspec.structs.replace(unit, intent=after), processes, capabilities)
    return new[0] - old[0], new[1] - old[1]


def _standing(
    unit: Unit, processes: Sequence[ProcessType], capabilities: Capabilities
) -> tuple[int, int]:
    draft, count, memory_bytes = Draft(unit, Observed(), capabilities, 0.0), 0, 0
    plan_isolation(draft)
    for type_ in processes if not draft.too_low else ():
        if type_.kind != "release":
            formation = unit.intent.formation_of(type_.name, type_.kind)
            least = grant(draft, type_.name, formation).min
            count += least
            memory_bytes += least * size_of(formation).memory_bytes_max
    return count, memory_bytes
