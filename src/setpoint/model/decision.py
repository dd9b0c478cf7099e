"""A decision: what was chosen and why, what it governs, and the bet it rests on.

Rows are only ever added: one of the decision itself, one of each thing that was said of it
afterwards. What a decision is now is folded from them, in `planning/decisions.py`.
"""

import re
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from setpoint.model.change import Asked
from setpoint.model.signal import Measured, Signal

LABEL_RE = re.compile(r"d-([1-9][0-9]{0,8})")

RecordKind = Literal["decided", "verified", "questioned", "held", "lost", "extended", "replaced"]
BetState = Literal["none", "open", "held", "lost"]
EVERY_APP = "*"


def numbered(label: str) -> int | None:
    """Of 'd-41': 41; None for what is no decision's label."""
    match = LABEL_RE.fullmatch(label)
    return int(match[1]) if match is not None else None


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision as somebody says it; the first line of `text` is its title. `on`: selectors.
    `revisit`: '30d' or a date. `serves`, `supersedes`: 'd-7'. `owner`: whoever asks, unless another
    is named."""

    text: str
    bet: str = ""
    wrong_if: str = ""
    revisit: str = ""
    if_wrong: str = ""
    on: tuple[str, ...] = ()
    owner: str = ""
    backup: str = ""
    serves: str = ""
    supersedes: str = ""


class Scope(msgspec.Struct, frozen=True):
    """What a decision governs. `unit`: an app's id, '' for every app; `app`: its name then, or '*'.

    `path`: a dotted path, in which `*` stands for any text.
    """

    unit: str
    app: str
    path: str

    def governs(self, unit: str, path: str) -> bool:
        return self.unit in ("", unit) and fnmatchcase(path, self.path)

    @property
    def text(self) -> str:
        return self.app if self.path == "*" else f"{self.app}:{self.path}"


class Bet(msgspec.Struct, frozen=True):
    """What has to be true for the decision to be right. `revisit_at_s`: unix seconds, None where
    nobody set a date. `wrong_if`, `if_wrong`: '' where nobody said."""

    claim: str
    wrong_if: str = ""
    if_wrong: str = ""
    revisit_at_s: float | None = None
    signal: Signal | None = None
    """what `wrong_if` says, where that is a figure that is kept"""


class Decided(msgspec.Struct, frozen=True):
    """A decision as it was made. `owner`, `backup`: who looks after it; `backup` may be ''.

    `serves`: the decision that this one is a part of; `supersedes`: the one it takes the place of;
    0 where there is none.
    """

    governs: tuple[Scope, ...] = ()
    bet: Bet | None = None
    owner: str = ""
    backup: str = ""
    serves: int = 0
    supersedes: int = 0


class Record(msgspec.Struct, frozen=True):
    """One row. `asked`: who, when, and the words. `decided`: of the first one only.
    `revisit_at_s`: the new date of an extended bet. `by`: the decision that takes its place."""

    decision: int
    kind: RecordKind
    asked: Asked
    decided: Decided | None = None
    revisit_at_s: float | None = None
    by: int = 0


class Decision(msgspec.Struct, frozen=True):
    """What a decision is now. `verified`: the last time somebody said that it still holds;
    `question`: one that nobody has answered since. `settled`: how its bet ended."""

    seq: int
    asked: Asked
    decided: Decided
    bet_state: BetState
    revisit_at_s: float | None = None
    verified: Record | None = None
    question: Record | None = None
    settled: Record | None = None
    extended: int = 0
    superseded_by: int = 0
    measured: Measured | None = None
    """what its signal is now, where a view looked; never stored"""

    @property
    def label(self) -> str:
        return f"d-{self.seq}"

    @property
    def title(self) -> str:
        """The first line of the words it was made with."""
        return self.asked.why.strip().partition("\n")[0]

    @property
    def checked_at_s(self) -> float:
        """When somebody last stood by it."""
        return self.verified.asked.at_s if self.verified is not None else self.asked.at_s

    def overdue_s(self, now_s: float) -> float | None:
        """Seconds since its bet was to be looked at again; None where it is not time yet."""
        if self.bet_state != "open" or self.revisit_at_s is None or self.superseded_by:
            return None
        return now_s - self.revisit_at_s if now_s >= self.revisit_at_s else None

    def needs_a_look(self, now_s: float) -> bool:
        """Due, lost and not replaced, or as good as lost by what is measured."""
        if self.looks_lost:
            return True
        lost = self.bet_state == "lost" and not self.superseded_by
        return lost or self.overdue_s(now_s) is not None

    @property
    def looks_lost(self) -> bool:
        """What would prove it wrong is so; it is for somebody to say that it is lost."""
        still_open = self.bet_state == "open" and not self.superseded_by
        return still_open and self.measured is not None and self.measured.wrong

    def governs(self, unit: str, path: str) -> bool:
        return any(scope.governs(unit, path) for scope in self.decided.governs)
