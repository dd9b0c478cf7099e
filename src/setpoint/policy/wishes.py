"""What may be asked of wherever an app runs."""

import re

from setpoint.model.errors import Invalid
from setpoint.model.level import LEVEL_WORDS, LEVELS, Level
from setpoint.policy.names import shortened

REGION_RE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def level(app: str, said: str) -> Level | None:
    """None where any will do. Raises Invalid."""
    if not said:
        return None
    for one in LEVELS:
        if said == one:
            return one
    told = "; ".join(f"{one} is {LEVEL_WORDS[one]}" for one in LEVELS)
    raise Invalid(
        f"cannot set the isolation level of '{app}': '{shortened(said)}' is none", f"levels: {told}"
    )


def region(app: str, said: str) -> str:
    """Any name will do: whether there is such a region is another matter. Raises Invalid."""
    if said and not REGION_RE.fullmatch(said):
        raise Invalid(
            f"cannot set the region of '{app}': '{shortened(said)}' is no name of a region",
            "a name is like eu, or eu-central-1",
        )
    return said
