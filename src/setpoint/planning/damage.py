"""What is said of an app of whose journal, or status, something cannot be read."""

from collections.abc import Sequence

from setpoint.model.condition import Condition, ConditionType
from setpoint.model.journal import Blemish


def recorded(blemishes: Sequence[Blemish], generation: int) -> Condition | None:
    """None where all of it can be."""
    if not blemishes:
        return None
    first, *more = blemishes
    told = f"{first.fact}{f', and {len(more)} more cannot be read' if more else ''}"
    message = (
        f"{told}; what was done there is not told by `setpoint why`, and nothing else is missing. "
        "It is in a backup, if there is one"
    )
    return Condition(
        ConditionType.RECORDED, False, "EntryUnreadable", message, generation, first.at_s
    )


def unconcluded(generation: int, at_s: float) -> tuple[Condition, ...]:
    """In place of what was concluded and cannot be read: nothing is known but that it is known
    again at the next look. `at_s`: when it was written, in unix seconds."""
    message = "what was last seen of it cannot be read; it is looked at anew within ten minutes"
    type_ = ConditionType.PROGRESSING
    return (Condition(type_, True, "StatusUnreadable", message, generation, at_s),)
