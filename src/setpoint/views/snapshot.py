"""Everything that is known, for somebody who wants to rehearse with it; without any secret.

What an app or a tool wrote may hold what it should not, so only our own words are taken over: of a
message the first line, of a failed start nothing it printed.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor
from setpoint.model.condition import Condition
from setpoint.model.errors import OverLimit, Unreadable
from setpoint.model.job import Job, JobFacts
from setpoint.model.journal import Entry
from setpoint.model.observed import StatusSummary
from setpoint.model.process import SetFacts
from setpoint.model.release import Build, Release
from setpoint.model.snapshot import FORMAT, AppSnapshot, Snapshot
from setpoint.policy import access
from setpoint.store.port import Store
from setpoint.views import lookup

Told = TypeVar("Told", Release, Build, Job, Condition)

VERB = "take a snapshot of"
APPS_MAX = 500
RELEASES_MAX = 20
JOBS_MAX = 20
"""of each kind, beside all that have not ended"""
CHANGES_MAX = 20
ENTRIES_MAX = 100


async def snapshot(
    store: Store,
    actor: Actor,
    capabilities: Capabilities,
    version: str,
    now_s: float,
    name: str = "",
) -> Snapshot:
    """Of one app, or of all where `name` is ''. Raises Forbidden, NotFound, OverLimit."""
    access.authorise(actor, VERB, name or "the apps")
    if name:
        unit = await lookup.app_to(store, actor, VERB, name)
        return Snapshot(FORMAT, version, now_s, capabilities, (await _app(store, unit),))
    units = await store.units()
    if len(units) > APPS_MAX:
        raise OverLimit(
            f"cannot {VERB} the apps: there are {len(units)}, at most {APPS_MAX} go into one",
            "name one app with -a APP",
        )
    apps, unread = await _readable(store, units)
    return Snapshot(FORMAT, version, now_s, capabilities, apps, unread)


async def _readable(
    store: Store, units: Sequence[Unit]
) -> tuple[tuple[AppSnapshot, ...], tuple[str, ...]]:
    """(those that can be read, the names of the others)"""
    apps = list[AppSnapshot]()
    unread = [damaged.name for damaged in await store.damaged()]
    for unit in units:
        try:
            apps.append(await _app(store, unit))
        except Unreadable:
            unread.append(unit.name)
    return tuple(apps), tuple(sorted(unread))


async def _app(store: Store, unit: Unit) -> AppSnapshot:
    releases = await store.releases(unit.id, RELEASES_MAX)
    status, seen = await lookup.seen(store, unit.id)
    return AppSnapshot(
        unit=unit,
        releases=tuple(_first_line(r) for r in releases),
        builds=_builds(unit, releases, await store.builds(unit.id)),
        jobs=tuple(_job(j) for j in await store.jobs(unit.id, JOBS_MAX)),
        changes=await store.changes(unit.id, CHANGES_MAX),
        took=await store.took(unit.id, CHANGES_MAX),
        entries=tuple(_entry(e) for e in await store.journal(unit.id, ENTRIES_MAX)),
        fields={f.path: f.change for f in await store.fields(unit.id)},
        observed_generation=status.observed_generation if status is not None else 0,
        conditions=tuple(_first_line(c) for c in status.conditions) if status is not None else (),
        seen=_seen(seen),
        seen_at_s=status.at_s if status is not None else None,
    )


def _builds(
    unit: Unit, releases: tuple[Release, ...], builds: tuple[Build, ...]
) -> tuple[Build, ...]:
    """Of the intended source, and of the releases that are told of."""
    source = unit.intent.source
    wanted = {r.build for r in releases}
    return tuple(
        _first_line(b)
        for b in builds
        if b.id in wanted or (source is not None and b.source == source.digest)
    )


def _job(job: Job) -> Job:
    """Who types a command may type a password into it."""
    typed = job.kind == "run"
    return msgspec.structs.replace(_first_line(job), command="" if typed else job.command, why="")


def _entry(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, because=_line(entry.because), result=_line(entry.result))


def _seen(seen: StatusSummary) -> StatusSummary:
    return msgspec.structs.replace(
        seen,
        sets=tuple(_set(s) for s in seen.sets),
        jobs=tuple(_job_facts(j) for j in seen.jobs),
    )


def _set(facts: SetFacts) -> SetFacts:
    probe = facts.last_probe
    bare = msgspec.structs.replace(probe, body="") if probe is not None else None
    return msgspec.structs.replace(facts, last_lines=(), last_probe=bare)


def _job_facts(facts: JobFacts) -> JobFacts:
    return msgspec.structs.replace(facts, last_lines=())


def _first_line(told: Told) -> Told:
    """Ours; what follows are a tool's last words."""
    return msgspec.structs.replace(told, message=_line(told.message))


def _line(text: str) -> str:
    return text.partition("\n")[0]
