"""Checks a simulated world after its faults have stopped: what must be true in the end.

The expectations are worked out from the intents and the programs, not by asking the planner.
"""

from collections.abc import Iterable

import msgspec

from setpoint.model.app import Unit
from setpoint.model.condition import ConditionType, find
from setpoint.model.ids import AppId
from setpoint.model.journal import DRIFTED, REPAIRED
from setpoint.model.process import SIGKILL, Exit
from setpoint.model.release import Release
from setpoint.testing import leaves, papers
from setpoint.testing.jobs import process_of
from setpoint.testing.mishaps import KILLED_BY
from setpoint.testing.programs import BY_DIGEST
from setpoint.testing.slot import Slot
from setpoint.testing.truth import bounds_of, release_serves
from setpoint.testing.wishes import PLAINTEXT
from setpoint.testing.world import World
from setpoint.views import drift

BY_OUTSIDER = Exit(128 + SIGKILL, 0.0).text
ORPHAN = "orphan"
KILLED = f"was killed by signal {KILLED_BY}"
"""No program ends like this by itself: who is killed at each of its starts has failed rightly."""


def violations(world: World, acknowledged: Iterable[int]) -> list[str]:
    """One sentence each; none if the world is as it should be."""
    found: list[str] = []
    for unit in world.store.rows.units.values():
        found += _settled(world, unit)
        found += _as_intended(world, unit)
        found += leaves.violations(world, unit)
    found += _no_leaks(world)
    found += _no_strange_hosts(world)
    found += _promotions(world)
    found += _jobs(world)
    found += _nothing_lost(world, acknowledged)
    found += _journal_closed(world)
    found += _no_secret_told(world)
    found += _kept_slugs_are_there(world)
    found += _nothing_altered(world)
    found += _drift_that_was(world)
    found += _drift_that_is(world)
    return found


def _settled(world: World, unit: Unit) -> list[str]:
    if unit.intent.deleted:
        return [f"{unit.name} was destroyed and is still remembered"]
    if world.progressing(unit) and not restless(world, unit) and not ticking(world, unit):
        return [f"{unit.name} is not settled: {world.store.rows.status.get(unit.id)}"]
    return []


def restless(world: World, unit: Unit) -> bool:
    """What it falls back to was let through at zero and cannot serve: it is restarted for ever."""
    serving = _serving(world, unit)
    return serving is not None and not release_serves(world.store, serving)


def ticking(world: World, unit: Unit) -> bool:
    """A schedule never comes to rest."""
    serving = _serving(world, unit)
    return serving is not None and bool(serving.slug.schedule)


def _serving(world: World, unit: Unit) -> Release | None:
    releases = world.store.rows.releases.get(unit.id, ())
    return next((r for r in releases if r.status == "succeeded"), None)


def _as_intended(world: World, unit: Unit) -> list[str]:
    releases = world.store.rows.releases.get(unit.id, ())
    serving = _serving(world, unit)
    found = _newest_release(world, unit, releases)
    found += _sets(world, unit, serving)
    return found


def _newest_release(world: World, unit: Unit, releases: tuple[Release, ...]) -> list[str]:
    """Did the newest source and config come to what they had to come to?"""
    source = unit.intent.source
    if source is None:
        return [f"{unit.name} has a release and no source"] if releases else []
    program = BY_DIGEST[source.digest]
    ready = is_ready(world, unit)
    if not program.builds:
        return [f"{unit.name} is ready with a source that cannot be built"] if ready else []
    if not releases:
        return [f"{unit.name} was never released"]
    newest = releases[0]
    if _slug_gone(unit, releases):
        return [f"{unit.name} is ready with a slug that is gone"] if ready else []
    if (newest.source, newest.config) != (source.digest, unit.intent.config):
        return [f"{unit.name}: {newest.label} is not what is intended"]
    good = release_serves(world.store, newest) and not _hindered(newest)
    if good and newest.status != "succeeded":
        return [f"{unit.name}: {newest.label} is {newest.status} and would serve"]
    if good and not ready:
        return [f"{unit.name}: {newest.label} serves and Ready does not say so"]
    if newest.status not in ("succeeded", "failed"):
        return [f"{unit.name}: {newest.label} is still {newest.status}"]
    if newest.status == "failed" and ready:
        return [f"{unit.name}: {newest.label} failed and Ready does not say so"]
    return []


def _hindered(release: Release) -> bool:
    """It failed, and rightly so, by what was done to it."""
    return KILLED in release.message


def _slug_gone(unit: Unit, releases: tuple[Release, ...]) -> bool:
    """Somebody went back to it just as it was let go, and no release was cut of it: a human has to
    deploy again."""
    wanted = next((r for r in releases if r.version == unit.intent.rollback_to), None)
    return wanted is not None and not wanted.slug_kept and releases[0].change < unit.shape_change


def is_ready(world: World, unit: Unit) -> bool:
    """As memory has it."""
    status = world.store.rows.status.get(unit.id)
    condition = find(status.conditions, ConditionType.READY) if status is not None else None
    return condition is not None and condition.status


def _bounds(world: World, unit: Unit, release: Release, process: str) -> tuple[int, int]:
    """What is intended, as far as this machine offers it."""
    formation = bounds_of(unit, release, process)
    offered = world.supervisor.capabilities.instances_max
    return min(formation.min, offered), min(formation.max, offered)


def _sets(world: World, unit: Unit, serving: Release | None) -> list[str]:
    """Exactly one set per process of the release that serves, within its bounds, and routed."""
    slots = [s for k, s in world.supervisor.slots.items() if k.app == unit.id]
    wanted: dict[str, tuple[int, int]] = {}
    if serving is not None:
        for process in serving.slug.processes:
            if process.kind == "release":
                continue
            bounds = _bounds(world, unit, serving, process.name)
            if bounds[1]:
                wanted[process.name] = bounds
    found = [
        f"{unit.name} has a set {s.order.key} too many"
        for s in slots
        if s.order.spec.process not in wanted
        or serving is None
        or s.order.spec.release != serving.version
    ]
    for process, bounds in wanted.items():
        found += _one_set(world, unit, process, bounds, slots)
    return found


def _one_set(
    world: World, unit: Unit, process: str, bounds: tuple[int, int], slots: list[Slot]
) -> list[str]:
    own = [s for s in slots if s.order.spec.process == process]
    if len(own) != 1:
        return [f"{unit.name} has {len(own)} sets of {process}"]
    slot = own[0]
    found: list[str] = []
    if not bounds[0] <= slot.ready <= bounds[1] and not restless(world, unit):
        found.append(f"{unit.name} has {slot.ready} {process} ready, intended are {bounds}")
    if len({i.ordinal for i in slot.instances.values()}) != len(slot.instances):
        found.append(f"{unit.name} has two {process} of the same number")
    if process != "worker" and world.edge.target(unit.id, process) != slot.order.key:
        found.append(f"{unit.name}: requests for {process} do not reach its set")
    return found


def _no_leaks(world: World) -> list[str]:
    known = set(world.store.rows.units)
    apps: set[AppId] = {k.app for k in world.supervisor.slots} | set(world.edge.routes)
    apps |= {b.app for b in world.supervisor.builds.facts.values()}
    found = [f"{app} is gone, and something of it is left" for app in sorted(apps - known)]
    adopted = {id for slot in world.supervisor.slots.values() for id in slot.instances}
    adopted |= {process_of(k.id) for k in world.supervisor.ledger.values() if k.app in known}
    strays = set(world.machine.running) - adopted
    return found + [f"process {id} runs and nobody looks after it" for id in sorted(strays)]


def _no_strange_hosts(world: World) -> list[str]:
    """Every host leads to one place, to the app that it is meant for, and shows its papers."""
    found: list[str] = []
    led = [(host, app) for app in world.edge.routes for host in world.edge.hosts(app)]
    if len({host for host, _ in led}) != len(led):
        found.append("a host leads to two places")
    for host, app in led:
        unit = world.store.rows.units.get(app)
        if unit is not None and host not in unit.intent.domains and not _own(host, unit.name):
            found.append(f"{host} leads to {unit.name}, which nobody intends")
    for app, shown in world.edge.pems.items():
        unit = world.store.rows.units.get(app)
        bound = {h for c in unit.intent.certificates.values() for h in c.domains} if unit else set()
        found += [f"{host} is served with a certificate of nobody's" for host in {*shown} - bound]
    return found


def _own(host: str, name: str) -> bool:
    return host == f"{name}.localhost" or host.endswith(f"--{name}.localhost")


def _promotions(world: World) -> list[str]:
    """What was given is what the other had, and who was told that nothing was given got nothing."""
    store = world.store
    found: list[str] = []
    for promotion in store.promoted.values():
        of = [
            r for r in store.rows.releases.get(promotion.app, ()) if r.version == promotion.version
        ]
        for target in promotion.targets:
            rows = store.rows.releases.get(target.app, ())
            given = [r for r in rows if target.change is not None and r.change == target.change]
            if any(r.slug != of[0].slug for r in given):
                found.append(f"{target.app} runs another slug than was promoted to it")
            if target.change is not None and target.error:
                found.append(f"{target.app} was given a slug and is said to have been refused it")
    return found


def _jobs(world: World) -> list[str]:
    """Every job has an end, and the end that it really had."""
    ledger = world.supervisor.ledger
    found: list[str] = []
    for unit in world.store.rows.units.values():
        for job in world.store.rows.jobs.get(unit.id, ()):
            known = ledger.get(job.id)
            if not job.final and job.kind != "scheduled":
                found.append(f"{job.dyno} of {unit.name} is still {job.state}")
            told = job.state if job.state in ("succeeded", "failed") else None
            if told and known and (told == "succeeded") != _did_its_work(known.exit):
                found.append(f"{job.dyno} is said to have {told}, and ended {known.exit}")
    return found


def _did_its_work(exit: Exit | None) -> bool:
    return exit is not None and exit.code == 0 and not (exit.timed_out or exit.expected)


def _nothing_lost(world: World, acknowledged: Iterable[int]) -> list[str]:
    kept = {told.change.seq for told in world.store.told}
    found = [f"c{seq} was acknowledged and is lost" for seq in acknowledged if seq not in kept]
    if [e.cursor for e in world.store.log] != list(range(1, len(world.store.log) + 1)):
        found.append("the events have a gap")
    return found


def _journal_closed(world: World) -> list[str]:
    """Every entry has an outcome, but for the last words about an app that is forgotten."""
    tokens = [e.token for e in world.store.entries.values()]
    found = [] if len(set(tokens)) == len(tokens) else ["two entries share a token"]
    return found + [
        f"the journal never says what came of {e.verb} {e.subject}"
        for e in world.store.entries.values()
        if e.state == "planned" and AppId(e.app) in world.store.rows.units
    ]


def _no_secret_told(world: World) -> list[str]:
    store = world.store
    told = (
        ("journal", list(store.entries.values())),
        ("events", [e.body.decode() for e in store.log]),
        ("status", [s.summary.decode() for s in store.rows.status.values()]),
        ("changes", store.told),
        ("acts", world.supervisor.act_log),
        ("logs", world.supervisor.lines),
    )
    secrets = [text.encode() for text in (PLAINTEXT, *papers.keys())]
    encoded = [(name, encode(rows)) for name, rows in told]
    return [f"a secret is in the {name}" for name, rows in encoded for s in secrets if s in rows]


def _nothing_altered(world: World) -> list[str]:
    """What runs, runs on what was laid: nothing of it is altered, nor what it began in."""
    found: list[str] = []
    for key, slot in world.supervisor.slots.items():
        unit = world.store.rows.units.get(key.app)
        if unit is None or restless(world, unit):
            continue
        if slot.order.spec.code in world.supervisor.disk.altered:
            found.append(f"{key} runs on a layer that an outsider altered")
        laid = world.supervisor.disk.laid[slot.order.spec.code]
        procs = (world.machine.procs.get(id) for id in slot.instances)
        found += [f"{p.id} runs on in what was altered" for p in procs if p and p.footing != laid]
    return found


def _drift_that_was(world: World) -> list[str]:
    """What is told as an outsider's doing, was; unless what was to be known of it could not be
    written down."""
    if world.supervisor.ever_full:
        return []
    told = [a for a in world.supervisor.act_log if a.verb == DRIFTED]
    meddled = world.supervisor.meddled | world.edge.meddled
    entries = drift.repairs(world.store.entries.values())
    return [
        f"{act.subject} of {act.app} is said to be drift, and no outsider was there"
        for act in told
        if act.because == BY_OUTSIDER and (act.app, act.subject) not in world.machine.murders
    ] + [
        f"of {entry.app} it is said that {entry.because}, and no outsider was there"
        for entry in entries
        if entry.verb != REPAIRED and entry.because != BY_OUTSIDER and entry.rule != ORPHAN
        if entry.app not in meddled
    ]


def _drift_that_is(world: World) -> list[str]:
    """What is said to be adrift, still is; unless what was on record of it was taken."""
    supervisor = world.supervisor
    ends = {(a.app, a.subject): n for n, a in enumerate(supervisor.act_log) if a.verb == REPAIRED}
    units = world.store.rows.units
    stirring = {unit.id for unit in units.values() if restless(world, unit)}
    if supervisor.ever_full or supervisor.wiped:
        return []
    return [
        f"{act.subject} of {act.app} is said to be adrift for ever"
        for n, act in enumerate(supervisor.act_log)
        if act.verb == DRIFTED and act.app not in stirring
        if ends.get((act.app, act.subject), -1) < n
    ]


def encode(rows: object) -> bytes:
    """Any of our values as bytes to search in."""
    return msgspec.json.encode(rows)


def _kept_slugs_are_there(world: World) -> list[str]:
    """Who says that a release can be gone back to has its layers and its config."""
    return [
        f"{release.label} of {app} is kept and has lost its {what}"
        for app, rows in world.store.rows.releases.items()
        if app in world.store.rows.units
        for release in rows
        if release.slug_kept
        for what, there in (
            ("layers", world.supervisor.disk.has(release.slug.code)),
            ("config", all(ref.key in world.store.secrets for ref in release.config.values())),
        )
        if not there
    ]
