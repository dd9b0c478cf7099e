"""A Change: who, on whose behalf, via what, when, why. Every write is one; no other door."""

from typing import Literal

import msgspec

from setpoint.model.account import Scope

Via = Literal["cli", "api", "heroku", "git", "file", "controller"]

WhySource = Literal["none", "flag", "header", "commit", "env", "file"]
"""How a why came in: not at all, by `-m`, by the Commit-Message header, as the message of the
commit that was deployed, by SETPOINT_WHY, beside a value in a file."""


class Actor(msgspec.Struct, frozen=True):
    """Who asked. `email` is what Heroku clients show. `scope`: of the token they came with.

    `reach`: 'all' apps, as administrators; or 'granted': their own, and those they have a role on.
    """

    name: str
    email: str
    scope: Scope = "admin"
    reach: Literal["all", "granted"] = "all"


class Asked(msgspec.Struct, frozen=True):
    """What a door knows about one request, before anything is decided.

    `at_s`: unix seconds. `why`: the human's words, or '' (never required).
    `idempotency_key`: the caller's own; the same one again is the same Change, '' is none.
    """

    actor: Actor
    via: Via
    at_s: float
    why: str = ""
    on_behalf_of: str = ""
    request_id: str = ""
    links: tuple[str, ...] = ()
    idempotency_key: str = ""
    why_source: WhySource = "none"
    reused_from: int = 0
    """seq of the Change this why was first said of, if it seems to have been left in the
    environment since: long ago, and about other fields"""
    decision: int = 0
    """number of the decision it is part of, 0 if nobody named one"""


class Touch(msgspec.Struct, frozen=True):
    """One changed path of one unit's intent: dotted path, old and new value as JSON-able data.

    Of a secret: its version, and a fingerprint by which two values of one path can be told apart
    and nothing else; none where the store made none.
    """

    path: str
    old: object = None
    new: object = None
    old_print: str | msgspec.UnsetType = msgspec.UNSET
    new_print: str | msgspec.UnsetType = msgspec.UNSET
    why: str | msgspec.UnsetType = msgspec.UNSET
    """what stood beside this value in a file"""


class Change(msgspec.Struct, frozen=True):
    """A row that never alters. `summary` in Heroku's words, e.g. 'Set GREETING config vars'."""

    seq: int
    asked: Asked
    verb: str
    summary: str

    @property
    def label(self) -> str:
        return f"c{self.seq}"


class Note(msgspec.Struct, frozen=True):
    """Said of a Change afterwards; `asked` holds who, when and the words. Never altered either."""

    change: int
    asked: Asked


class UnitChange(msgspec.Struct, frozen=True):
    """What one Change did to one unit (`change_unit`)."""

    change: Change
    unit: str
    generation: int
    touches: tuple[Touch, ...]


class Because(msgspec.Struct, frozen=True):
    """The planner's computed reason on a step. `rule`: a constant; `text`: a sentence."""

    rule: str
    text: str
    change: int | None = None
    """seq of the Change this goes back to, where one is known"""
