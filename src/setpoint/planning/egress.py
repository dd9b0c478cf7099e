"""Stage 0: can the way out be had as it was asked for?

Where it cannot, that is told, and the app runs with what its level has.
"""

from setpoint.model.egress import NONE, words
from setpoint.model.level import LEVEL_WORDS
from setpoint.planning.draft import Draft

OFFERED = {"none": "none", "machine": "the machine's whole network"}


def plan_egress(draft: Draft) -> None:
    """Where nobody said anything, apps get what the level has, and nothing falls short."""
    wanted, offer = draft.unit.intent.egress, draft.capabilities.egress
    if not wanted:
        return
    draft.want("egress")
    if offer == "public" or (wanted == NONE and offer == "none"):
        return
    draft.want("level")
    level = draft.capabilities.level
    because = f"apps run at level {level} here ({LEVEL_WORDS[level]})"
    draft.fall_short("egress", words(wanted), OFFERED[offer], "egress", because)
