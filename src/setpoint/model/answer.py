"""What a live value answers when it is asked: who, why, what became of it, what of going back."""

import msgspec

from setpoint.model.change import Change, Note, Touch, UnitChange
from setpoint.model.decision import Decision
from setpoint.model.history import Usual
from setpoint.model.journal import Entry
from setpoint.model.story import Outcome, Reason


class PlannedStep(msgspec.Struct, frozen=True):
    """A step in the journal's words. `number`: of the pass it belongs to, from 1."""

    number: int
    verb: str
    subject: str
    because: str
    rule: str


class Actual(msgspec.Struct, frozen=True):
    """What became of a value, as last seen. `granted`: what this infrastructure gives of it;
    `actual`: what there is; None where neither can be told. `because`: why less is granted."""

    granted: object = None
    actual: object = None
    because: str = ""
    seen_at_s: float = 0.0


class Freshness(msgspec.Struct, frozen=True):
    """How far the app has gone on since. `more`: there were more releases than were counted."""

    age_s: float
    changes_since: int
    releases_since: int
    more: bool = False


class Undo(msgspec.Struct, frozen=True):
    """What going back now would do, by the planner on a draft; nothing is written.

    `impossible`: why there is no way back, or ''. `instances`, `memory_bytes`: more (or less) that
    would always run, and that it could take. `usual`: what this kind of Change takes. `ends`: what
    it would not come to.
    """

    touches: tuple[Touch, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    ends: tuple[str, ...] = ()
    instances: int = 0
    memory_bytes: int = 0
    usual: Usual | None = None
    impossible: str = ""


class Past(msgspec.Struct, frozen=True):
    """One Change of a path. `same_as`: seq of an earlier one that set the same secret, or 0."""

    made: UnitChange
    touch: Touch
    reason: Reason
    notes: tuple[Note, ...] = ()
    same_as: int = 0


class Governing(msgspec.Struct, frozen=True):
    """A decision, and the one that it is a part of."""

    decision: Decision
    serves: Decision | None = None


class FieldAnswer(msgspec.Struct, frozen=True):
    """One path of an app's document. `value`: None where it is not set (any more).

    `history`: all Changes of it, newest first, where that was asked for; else the newest alone.
    `standing`, `repairs`: what was done about it without a Change, newest first. Of a time in the
    past (`at_s`) only what was set then is told.
    """

    app: str
    path: str
    value: object
    history: tuple[Past, ...]
    outcome: Outcome
    at_s: float | None = None
    fresh: Freshness | None = None
    actual: Actual | None = None
    undo: Undo | None = None
    governing: tuple[Governing, ...] = ()
    """decisions that it rests on, newest first"""
    standing: tuple[Entry, ...] = ()
    repairs: tuple[Entry, ...] = ()


class FieldLine(msgspec.Struct, frozen=True):
    """One path among many, in one line. `stale`: why its reason should be looked at, or ''."""

    path: str
    value: object
    change: int
    by: str
    at_s: float
    reason: Reason
    fresh: Freshness
    stale: str = ""


class Hand(msgspec.Struct, frozen=True):
    """One person who changed an app. `last`: their newest Change; `changes`: how many of those
    that were looked at."""

    who: str
    last: UnitChange
    changes: int


class Who(msgspec.Struct, frozen=True):
    """`hands`: by their newest Change. `looked_at`: how many Changes back."""

    app: str
    owner: str
    hands: tuple[Hand, ...]
    looked_at: int


class Logged(msgspec.Struct, frozen=True):
    """One Change of one app, as a log tells it. `app`: its name then, '' if none is known."""

    change: Change
    unit: str
    generation: int
    touches: tuple[Touch, ...]
    app: str
    reason: Reason
    outcome: Outcome | None
    notes: tuple[Note, ...] = ()
