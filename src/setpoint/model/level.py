"""How far apps are walled off: the levels of isolation, from none up."""

from typing import Literal

Level = Literal["L3", "L2", "L0"]
LEVELS: tuple[Level, ...] = ("L0", "L2", "L3")
"""By growing isolation."""

LEVEL_WORDS: dict[str, str] = {
    "L3": "root: own uid, namespaces, network, cgroups and seccomp per app",
    "L2": "ordinary user: namespaces and seccomp; one uid for all apps",
    "L0": "none: plain processes, for development only",
}


def at_least(level: Level, wanted: Level) -> bool:
    return LEVELS.index(level) >= LEVELS.index(wanted)
