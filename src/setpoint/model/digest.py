"""What one person should hear of since they last looked."""

from typing import Literal

import msgspec

from setpoint.model.answer import Logged
from setpoint.model.decision import Decision


class ReadUpTo(msgspec.Struct, frozen=True):
    """`change`: seq of the newest Change they have heard of. Unix seconds."""

    change: int
    at_s: float


class Need(msgspec.Struct, frozen=True):
    """A decision of theirs that waits for them."""

    decision: Decision
    because: Literal["due", "lost", "looks lost", "asked"]


class Group(msgspec.Struct, frozen=True):
    """Changes of what they look after, newest first. `decision`: what these are about, None for
    what no decision governs."""

    decision: Decision | None
    changes: tuple[Logged, ...]


class Surprise(msgspec.Struct, frozen=True):
    """`change`: seq of the Change it is about, 0 for what nobody asked for."""

    at_s: float
    app: str
    text: str
    change: int = 0


class Digest(msgspec.Struct, frozen=True):
    """`since_s`: when they last looked, unix seconds; None: never. `up_to`: the newest Change told
    or passed over. `more`: there were more Changes than were looked at. `apps`: those that are
    theirs; `unread`: whose intent cannot be read. `at_s`: of this digest."""

    person: str
    since_s: float | None
    up_to: int
    apps: tuple[str, ...]
    unread: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    changed: tuple[Group, ...] = ()
    surprises: tuple[Surprise, ...] = ()
    more: bool = False
    at_s: float = 0.0

    @property
    def empty(self) -> bool:
        return not (self.unread or self.needs or self.changed or self.surprises)


class Introduced(msgspec.Struct, frozen=True):
    """A decision that somebody new should know: `fields` live values rest on it."""

    decision: Decision
    fields: int
