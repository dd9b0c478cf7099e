"""The journal: durable, the customer's; what answers why. One entry per step or standing act."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

EntryState = Literal["planned", "succeeded", "failed", "refused", "unknown"]


DRIFTED, REPAIRED = "drifted", "repaired"
"""Verbs of acts: what an outsider did, and that it is as it was."""
DRIFT_RULE = "drift"
"""of both of them, in words about their subject: 'was killed by an outsider'"""
LEFT_RULE = "left"
"""of both of them where it is left so, in a sentence: 'shop should be routed and is not'"""
ADRIFT_RULES = frozenset({DRIFT_RULE, LEFT_RULE})

COUNTED_AMONG = 8
"""An act that one of so many newest entries of its app tells already is counted there."""
NUMBER = re.compile(r"\d+")


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


def told_already(act: Entry, newest: Iterable[Entry]) -> Entry | None:
    """Which of the newest entries of its app, the newest first, says the same: a crash loop is one
    entry and a count. What an outsider did is another thing in other words, and what followed it is
    the end of no earlier one."""
    for entry in newest:
        if _says(entry) == _says(act):
            return entry
        if act.rule in ADRIFT_RULES and (entry.verb, entry.subject) == (DRIFTED, act.subject):
            return None
    return None


def _says(entry: Entry) -> tuple[object, ...]:
    """But for numbers, which tell a try, an exit code or how long it took; an outsider's may be
    part of a name."""
    words = entry.because if entry.verb == DRIFTED else NUMBER.sub("", entry.because)
    return entry.kind, entry.generation, entry.verb, entry.subject, entry.rule, words
