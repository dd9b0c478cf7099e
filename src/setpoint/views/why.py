"""Why is it so? The story of an app."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from setpoint.model.change import Actor
from setpoint.model.journal import Entry
from setpoint.model.release import Release
from setpoint.model.story import Chapter, ReleaseTold, Story
from setpoint.planning.reasons import reason
from setpoint.store.port import Store
from setpoint.views import drift, lookup, outcomes

CHANGES_MAX = 100
ENTRIES_MAX = 1_000
"""How far back the journal is read; older deeds of the Changes shown are left out."""
OTHERS_MAX = 10
"""Standing acts and repairs told: the newest, of the time of the Changes shown."""


async def story(store: Store, actor: Actor, name: str, limit: int = 10) -> Story:
    """The last `limit` Changes and what they made happen."""
    unit = await lookup.app_to(store, actor, "see", name)
    changes = await store.changes(unit.id, max(1, min(limit, CHANGES_MAX)))
    entries = await store.journal(unit.id, ENTRIES_MAX)
    kept = await store.releases(unit.id, CHANGES_MAX)
    releases = {r.change: r for r in kept}
    came = await outcomes.outcomes(store, unit, changes, kept)
    notes = await store.notes([c.change.seq for c in changes])
    repairs = drift.repairs(entries)
    by_change = _by_change(e for e in entries if e not in repairs)
    since_s = min((c.change.asked.at_s for c in changes), default=0.0)
    return Story(
        id=unit.id,
        name=unit.name,
        chapters=tuple(
            Chapter(
                change=c,
                release=_release(releases.get(c.change.seq)),
                entries=tuple(by_change.get(c.change.seq, ())),
                reason=reason(c.change.asked, notes.get(c.change.seq, ())),
                outcome=came[c.change.seq],
                notes=notes.get(c.change.seq, ()),
            )
            for c in changes
        ),
        standing=_newest((e for e in entries if _unasked(e) and e not in repairs), since_s),
        repairs=_newest(repairs, since_s),
    )


def _unasked(entry: Entry) -> bool:
    return entry.kind == "act" or entry.change is None


def _by_change(entries: Iterable[Entry]) -> Mapping[int, list[Entry]]:
    """Oldest first, as they happened."""
    found: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.change is not None and entry.kind != "act":
            found[entry.change].insert(0, entry)
    return found


def _newest(entries: Iterable[Entry], since_s: float) -> tuple[Entry, ...]:
    """By when it happened: acts are taken into the journal up to a second later than steps."""
    told = (e for e in entries if _last_s(e) >= since_s)
    return tuple(sorted(told, key=_last_s, reverse=True)[:OTHERS_MAX])


def _last_s(entry: Entry) -> float:
    return entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s


def _release(release: Release | None) -> ReleaseTold | None:
    return outcomes.told_of(release) if release is not None else None
