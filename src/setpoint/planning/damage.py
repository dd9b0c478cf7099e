"""What is said of an app of whose journal something cannot be read."""

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
