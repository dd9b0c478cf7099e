"""What may be asked of wherever an app runs."""

from setpoint.model.app import Unit
from setpoint.model.capability import REGION_RE
from setpoint.model.errors import Conflict, Invalid
from setpoint.model.level import LEVEL_WORDS, LEVELS, Level, at_least
from setpoint.policy.names import shortened


def level(app: str, said: str) -> Level | None:
    """None where any will do. Raises Invalid."""
    if not said:
        return None
    for one in LEVELS:
        if said == one:
            return one
    told = "; ".join(f"{one} is {LEVEL_WORDS[one]}" for one in LEVELS)
    raise Invalid(
        f"cannot set the isolation level of '{app}': '{shortened(said)}' is no level",
        f"levels: {told}",
    )


def check_runs(verb: str, unit: Unit, offered: Level) -> None:
    """Somebody waits for it, so that it cannot wait for a level. Raises Conflict."""
    wanted = unit.intent.isolation_level_min
    if wanted is not None and not at_least(offered, wanted):
        raise Conflict(
            f"cannot {verb} '{unit.name}': it runs at isolation level {wanted} at least, and this "
            f"machine has {offered}",
            f"let less do: setpoint isolation {unit.name} {offered}",
        )


def region(app: str, said: str) -> str:
    """Any name will do: whether there is such a region is another matter. Raises Invalid."""
    if said and not REGION_RE.fullmatch(said):
        raise Invalid(
            f"cannot set the region of '{app}': '{shortened(said)}' is no name of a region",
            "a name is like eu, or eu-central-1",
        )
    return said
