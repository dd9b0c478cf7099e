"""What outsiders changed in an app, and what came of it: read from the journal, newest first."""

from collections.abc import Iterable

import msgspec

from setpoint.model.condition import ConditionType, find
from setpoint.model.ids import AppId
from setpoint.model.journal import ADRIFT_RULES, DRIFT_RULE, DRIFTED, REPAIRED, Entry
from setpoint.model.observed import StatusSummary
from setpoint.planning.explain import DRIFT_RULES
from setpoint.store.port import Status, Store
from setpoint.views import lookup

ENTRIES_READ = 100
TOLD_MAX = 5
TOLD_S_MAX = 24 * 3600.0
"""Older drift is found in the app's story."""


class Drifted(msgspec.Struct, frozen=True):
    """`what`: 'web.1 was killed by an outsider (signal 9)'. `at_s`: when it was noticed, the last
    of `count` times. Times are unix seconds.

    `over`: it is no more so. `repaired_s`: how long it lasted from then on; None where it is not
    over, or nobody said when it was: the machine went down in between, and is as intended now.
    """

    subject: str
    what: str
    at_s: float
    repaired_s: float | None
    count: int = 1
    over: bool = False


async def lately(store: Store, app: AppId, now_s: float) -> tuple[Drifted, ...]:
    """The newest few of the last day."""
    entries = await store.journal(app, ENTRIES_READ)
    status, seen = await lookup.seen(store, app)
    told = [
        e for e in repairs(entries) if e.verb != REPAIRED and now_s - _noticed_s(e) <= TOLD_S_MAX
    ]
    return tuple(_told(e, entries, status, seen) for e in told[:TOLD_MAX])


def repairs(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Acts of drift, and steps for what was missing, altered or too much."""
    return tuple(e for e in entries if _is_drift(e))


def _is_drift(entry: Entry) -> bool:
    """A step that was not tried, since the intent had changed, was planned of the one before; what
    is still adrift then is told by the next."""
    if entry.kind == "act":
        return entry.rule in ADRIFT_RULES
    return entry.rule in DRIFT_RULES and entry.state != "refused"


def _told(
    entry: Entry, entries: Iterable[Entry], status: Status | None, seen: StatusSummary
) -> Drifted:
    at_s = _noticed_s(entry)
    what = f"{entry.subject} {entry.because}" if entry.rule == DRIFT_RULE else entry.because
    ends = [_last_s(e) for e in entries if _ends(entry, e) and _last_s(e) >= at_s]
    took_s = min(ends) - at_s if ends else None
    over = bool(ends) or _is_gone(entry, status, seen)
    return Drifted(entry.subject, what, at_s, took_s, entry.count, over)


def _ends(entry: Entry, other: Entry) -> bool:
    """A step that repairs tells of both: that it drifted, and, once it is taken well, that it no
    longer is."""
    verb = REPAIRED if entry.verb == DRIFTED else entry.verb
    return (other.verb, other.subject, other.state) == (verb, entry.subject, "succeeded")


def _is_gone(entry: Entry, status: Status | None, seen: StatusSummary) -> bool:
    """Who looked since, and found nothing adrift, knows of an end that nobody told."""
    if status is None or status.at_s <= _noticed_s(entry):
        return False
    if entry.verb != DRIFTED:
        ready = find(status.conditions, ConditionType.READY)
        return ready is not None and ready.status
    adrift = {a.subject for s in seen.sets for a in s.adrift} | {d.subject for d in seen.drift}
    return entry.subject not in adrift


def _noticed_s(entry: Entry) -> float:
    """A step is planned as soon as what it repairs is noticed."""
    return _last_s(entry) if entry.verb == DRIFTED else entry.planned_at_s


def _last_s(entry: Entry) -> float:
    return entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s
