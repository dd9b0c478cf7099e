"""What outsiders changed in an app, and what came of it: read from the journal, newest first."""

from collections.abc import Iterable

import msgspec

from setpoint.model.ids import AppId
from setpoint.model.journal import DRIFT_RULE, DRIFTED, REPAIRED, Entry
from setpoint.planning.explain import DRIFT_RULES
from setpoint.store.port import Store

ENTRIES_READ = 100
TOLD_MAX = 5
TOLD_S_MAX = 24 * 3600.0
"""Older drift is found in the app's story."""


class Drifted(msgspec.Struct, frozen=True):
    """`what`: 'web.1 was killed by an outsider (signal 9)'. Times are unix seconds.

    `repaired_s`: how long it lasted from `at_s`, the last of `count` times; None: not known yet.
    """

    subject: str
    what: str
    at_s: float
    repaired_s: float | None
    count: int = 1


async def lately(store: Store, app: AppId, now_s: float) -> tuple[Drifted, ...]:
    """The newest few of the last day."""
    found = repairs(await store.journal(app, ENTRIES_READ))
    told = [_told(e, found) for e in found if e.verb != REPAIRED]
    return tuple(d for d in told if now_s - d.at_s <= TOLD_S_MAX)[:TOLD_MAX]


def repairs(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Acts of drift, and steps for what was missing, altered or too much."""
    return tuple(e for e in entries if _is_drift(e))


def _is_drift(entry: Entry) -> bool:
    if entry.kind == "act":
        return entry.rule == DRIFT_RULE
    return entry.change is None or entry.rule in DRIFT_RULES


def _told(entry: Entry, found: Iterable[Entry]) -> Drifted:
    at_s = _last_s(entry)
    if entry.verb != DRIFTED:
        done = entry.state == "succeeded"
        took_s = at_s - entry.planned_at_s if done else None
        return Drifted(entry.subject, entry.because, entry.planned_at_s, took_s, entry.count)
    ends = [
        _last_s(e)
        for e in found
        if e.verb == REPAIRED and e.subject == entry.subject and _last_s(e) >= at_s
    ]
    took_s = min(ends) - at_s if ends else None
    return Drifted(entry.subject, f"{entry.subject} {entry.because}", at_s, took_s, entry.count)


def _last_s(entry: Entry) -> float:
    return entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s
