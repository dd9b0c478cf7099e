"""What a rehearsal tells, event by event: lines for people, facts for programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

DYNO = "%"
Kind = Literal[
    "asked",  # a line of the script is carried out
    "changed",  # a Change was accepted
    "refused",  # a change was refused at the door
    "planned",  # a pass committed its steps
    "done",  # what came of one step
    "waits",  # on what a pass waits, and what it cannot have
    "condition",
    "act",  # a standing order's
    "world",  # what happened without anybody of ours doing it
    "answer",  # to a question of the script
    "settled",
    "unsettled",
    "violated",  # something that must never be: a flaw of Setpoint's
]


@dataclass(frozen=True)
class Event:
    """`at_s`: since the rehearsal began. `app`: '' where it is about none. `text`: lines, the first
    is the event and the others belong to it.

    `dyno`: stands for DYNO in the text. Several that differ in nothing else are told as one.
    """

    at_s: float
    kind: Kind
    app: str
    text: tuple[str, ...]
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    dyno: str = ""


@dataclass
class Telling:
    """Takes events down in order and passes each on as it comes. `now_s`: virtual, from zero."""

    now_s: Callable[[], float]
    tell: Callable[[Event], None]
    last_s: float = 0.0
    """when something happened for the last time"""

    def __call__(self, kind: Kind, app: str, *text: str, dyno: str = "", **facts: object) -> None:
        self.last_s = self.now_s()
        self.tell(Event(self.last_s, kind, app, text, facts, dyno))
