"""The journal: durable, the customer's; what answers why. One entry per step or standing act."""

from typing import Literal

import msgspec

EntryState = Literal["planned", "succeeded", "failed", "refused", "unknown"]


DRIFTED, REPAIRED = "drifted", "repaired"
"""Verbs of acts: what an outsider did, and that it is as it was."""
DRIFT_RULE = "drift"
"""of both of them"""


class Blemish(msgspec.Struct, frozen=True):
    """An entry that cannot be read. `at_s`: when it was written, in unix seconds; 0 where not even
    that can be told."""

    entry: int
    fact: str
    at_s: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    """`token`: unique per step attempt, recorded before the effect. Times are unix seconds.

    `kind` 'step' for the planner's, 'act' for a standing order's. `subject`: 'web', 'v3', a host.
    `count`: how often this same act was seen in a row (crash loops coalesce).
    """

    id: int
    app: str
    generation: int
    kind: Literal["step", "act", "verdict"]
    verb: str
    subject: str
    rule: str
    because: str
    change: int | None
    state: EntryState
    planned_at_s: float
    ended_at_s: float | None = None
    result: str = ""
    count: int = 1
    token: str = ""
