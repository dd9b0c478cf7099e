"""What memory can tell of one app: the Changes, and what each made happen. Told by `why`."""

from typing import Literal

import msgspec

from setpoint.model.change import Note, UnitChange, WhySource
from setpoint.model.history import Usual
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


class Outcome(msgspec.Struct, frozen=True):
    """What came of a Change. `took_s`: until all of it was so, None where it is not, or that is
    kept no longer. `predicted`: what its kind usually took when it was accepted, None where too
    little was known. `told`: the reason it is not so, or ''."""

    state: Literal["live", "under way", "stalled", "failed", "overtaken", "unknown"]
    took_s: float | None = None
    predicted: Usual | None = None
    told: str = ""


class Reason(msgspec.Struct, frozen=True):
    """Why a Change was made, as far as anybody said. Only 'said' counts as an answer.

    'thin': too few words to tell anything. 'reused': said of another Change before, and left in
    the environment. `by`, `at_s`: of a note that answers later; else whose the Change is.
    """

    kind: Literal["said", "thin", "reused", "none"]
    text: str = ""
    source: WhySource | Literal["note"] = "none"
    reused_from: int = 0
    by: str = ""
    at_s: float = 0.0


class Chapter(msgspec.Struct, frozen=True):
    """One Change, what came of it, and the journal entries that go back to it, oldest first."""

    change: UnitChange
    release: ReleaseTold | None = None
    entries: tuple[Entry, ...] = ()
    reason: Reason | None = None
    outcome: Outcome | None = None
    notes: tuple[Note, ...] = ()


class Story(msgspec.Struct, frozen=True):
    """`chapters`, `standing`, `repairs`: newest first.

    `standing`: what was done with nobody asking: by standing orders, and after Setpoint was away.
    `repairs`: what outsiders did, and the steps because of that.
    """

    id: AppId
    name: str
    chapters: tuple[Chapter, ...] = ()
    standing: tuple[Entry, ...] = ()
    repairs: tuple[Entry, ...] = ()
