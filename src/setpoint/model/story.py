"""What memory can tell of one app: the Changes, and what each made happen. Told by `why`."""

import msgspec

from setpoint.model.change import UnitChange
from setpoint.model.ids import AppId
from setpoint.model.journal import Entry
from setpoint.model.release import ReleaseStatus


class ReleaseTold(msgspec.Struct, frozen=True):
    """The release a Change led to. `message`: why it failed, or ''."""

    version: int
    status: ReleaseStatus
    message: str = ""

    @property
    def label(self) -> str:
        return f"v{self.version}"


class Chapter(msgspec.Struct, frozen=True):
    """One Change, and the journal entries that go back to it, oldest first."""

    change: UnitChange
    release: ReleaseTold | None = None
    entries: tuple[Entry, ...] = ()


class Story(msgspec.Struct, frozen=True):
    """`chapters`, `standing`, `repairs`: newest first.

    `standing`: what standing orders did by themselves. `repairs`: steps nobody's Change asked
    for, because the world had drifted.
    """

    id: AppId
    name: str
    chapters: tuple[Chapter, ...] = ()
    standing: tuple[Entry, ...] = ()
    repairs: tuple[Entry, ...] = ()


class FieldStory(msgspec.Struct, frozen=True):
    """One live leaf of an intent document. `history`: the Changes that touched it, newest first;
    the first of them set the value it has."""

    app: str
    path: str
    value: object
    history: tuple[UnitChange, ...]
