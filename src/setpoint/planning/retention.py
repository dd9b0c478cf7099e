"""What is kept and what may go: of each app's releases, then of what lies on the disk.

A release is let go first, in memory; only then does its slug leave the disk. So a crash in between
leaves too much on the disk, and never a release that says it can be gone back to and cannot.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from setpoint.model.app import Unit
from setpoint.model.ids import AppId, Digest
from setpoint.model.release import Build, Release
from setpoint.model.retention import (
    DAY_S,
    Clearance,
    LetGo,
    Removal,
    Retention,
    Stock,
    Thing,
)


class Held(msgspec.Struct, frozen=True):
    """What memory and the world know of one app. `unit`: None once it is forgotten.

    `releases`: those whose slug is kept, newest first; `used`: versions that a set or a job names,
    whatever its state; `used_releases`: their rows, kept or not. `builds`: those whose release may
    still be to come. `strange`: something of it runs that memory has no row of.
    """

    app: AppId
    unit: Unit | None
    releases: tuple[Release, ...] = ()
    used: frozenset[int] = frozenset()
    used_releases: tuple[Release, ...] = ()
    builds: tuple[Build, ...] = ()
    strange: bool = False

    @property
    def source(self) -> Digest | None:
        """What is intended."""
        intent = self.unit.intent if self.unit is not None else None
        return intent.source.digest if intent is not None and intent.source is not None else None


# --- releases ------------------------------------------------------------------------------------


def let_go(held: Held, retention: Retention) -> tuple[LetGo, ...]:
    """Releases that nobody can go back to any more. Oldest first."""
    kept = _kept_versions(held, retention)
    because = (
        f"its app keeps the newest {retention.releases}, and nothing runs on it"
        if held.unit is not None
        else "its app was destroyed"
    )
    going = sorted(r.version for r in held.releases if r.version not in kept)
    return tuple(LetGo(held.app, version, because) for version in going)


def _kept_versions(held: Held, retention: Retention) -> frozenset[int]:
    """Of what served, and of all, the newest few each: ten bad deploys in a row must not take away
    what can be gone back to, nor what somebody is still looking into."""
    if held.unit is None:
        return held.used
    served = [r for r in held.releases if r.status == "succeeded"][: retention.releases]
    newest = held.releases[: retention.releases]
    pending = [r for r in held.releases if r.status == "pending"]
    versions = {r.version for r in (*served, *newest, *pending)} | held.used
    if held.unit.intent.rollback_to is not None:
        versions.add(held.unit.intent.rollback_to)
    return frozenset(versions)


# --- what lies on the disk -----------------------------------------------------------------------


class Decision(NamedTuple):
    """`withheld`: why nothing may go now, or ''."""

    removals: tuple[Removal, ...]
    withheld: str = ""

    @property
    def bytes(self) -> int:
        return sum(r.bytes for r in self.removals)


def removable(
    helds: Sequence[Held],
    stock: Stock,
    now_s: float,
    retention: Retention,
) -> Decision:
    """What may go from the disk. `helds`: of every app of which memory keeps anything or of which
    something runs, read after releases were let go.

    Things are shared by content, so what one app lets go of may be another's. Memory may be the one
    that is behind: what runs and is not known to it could need anything.
    """
    strange = sum(h.strange for h in helds)
    if strange:
        of = f"{strange} app{'s' if strange > 1 else ''}"
        return Decision((), f"something of {of} runs that memory does not know")
    needs = _needs(helds, stock.things)
    spare = (_removal(t, needs, now_s, retention) for t in stock.things)
    return Decision(tuple(r for r in spare if r is not None))


def clearance(decision: Decision, now_s: float, retention: Retention) -> Clearance:
    return Clearance(decision.removals, now_s - retention.grace_s, retention.cache_bytes_max)


def excess_bytes(stock: Stock, retention: Retention) -> int:
    """By how much the tools' caches are beyond their bound."""
    return sum(max(0, b - retention.cache_bytes_max) for b in stock.cache_bytes.values())


class _Needs(NamedTuple):
    layers: frozenset[str]
    sources: frozenset[str]
    builds: frozenset[str]


def _needs(helds: Sequence[Held], things: Iterable[Thing]) -> _Needs:
    kept = [r for h in helds for r in (*h.releases, *h.used_releases)]
    intended = {(h.app, h.source) for h in helds if h.source is not None}
    coming = [t for t in things if t.kind == "build" and (t.app, t.source) in intended]
    built = [b for h in helds for b in h.builds]
    layers = {
        *(digest for r in kept for digest in (r.slug.code, *r.slug.layers)),
        *(digest for t in coming for digest in t.layers),
        *(digest for b in built if b.slug for digest in (b.slug.code, *b.slug.layers)),
    }
    named = (h.unit.intent.uploads for h in helds if h.unit is not None)
    sources = {*(r.source for r in kept), *(digest for uploads in named for digest in uploads)}
    builds = {*(r.build for r in kept), *(t.name for t in coming), *(b.id for b in built)}
    return _Needs(frozenset(layers), frozenset(sources), frozenset(builds))


def _removal(thing: Thing, needs: _Needs, now_s: float, retention: Retention) -> Removal | None:
    age_s = now_s - thing.at_s
    match thing.kind:
        case "code" | "deps":
            needed, rest_s = thing.name in needs.layers, retention.grace_s
            because = "no release that is kept, of any app, runs on it"
        case "source":
            needed, rest_s = thing.name in needs.sources, retention.grace_s
            because = "no app and no release that is kept is made of it"
        case "build":
            needed, rest_s = thing.name in needs.builds, max(retention.grace_s, retention.builds_s)
            because = f"no release is kept of it, and it ended {age_s / DAY_S:.0f} days ago"
    if needed or age_s <= rest_s:
        return None
    return Removal(thing.kind, thing.name, thing.bytes, because)


# --- by kind, for people -------------------------------------------------------------------------


def by_kind(removals: Iterable[Removal]) -> Iterator[tuple[str, int, int]]:
    """(kind, how many, bytes), for kinds that there are."""
    rows = tuple(removals)
    for kind in ("code", "deps", "source", "build"):
        mine = [r for r in rows if r.kind == kind]
        if mine:
            yield kind, len(mine), sum(r.bytes for r in mine)
