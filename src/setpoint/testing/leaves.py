"""Every leaf of an intent is applied, unmet, or not applicable: each kind has its judge.

A leaf that no judge knows is a violation too, so that a new field cannot be dropped in silence.
"""

from collections.abc import Callable

import msgspec

from setpoint.model import paths
from setpoint.model.app import Unit
from setpoint.model.condition import ConditionType, find
from setpoint.model.egress import INTERNET
from setpoint.model.observed import StatusSummary
from setpoint.model.release import Release
from setpoint.testing.slot import Slot
from setpoint.testing.world import World

_summary = msgspec.json.Decoder(StatusSummary)


class _Case(msgspec.Struct, frozen=True):
    """One settled app: what is intended, what serves, and what there is of it."""

    world: World
    unit: Unit
    serving: Release
    slots: dict[str, Slot]
    """by process"""
    unmet: frozenset[str]


def violations(world: World, unit: Unit) -> list[str]:
    """Of a settled app. One that is stalled, or serves an older release, says so itself."""
    case = _case(world, unit)
    if case is None:
        return []
    found: list[str] = []
    for path in paths.flatten(unit.intent):
        judge = _JUDGES.get(path.partition(".")[0])
        if judge is None:
            found.append(f"nobody can say what became of {path} of {unit.name}")
        elif path not in case.unmet and not judge(case, path):
            found.append(f"{path} of {unit.name} is neither applied, nor unmet, nor without use")
    return found


def _case(world: World, unit: Unit) -> _Case | None:
    status = world.store.rows.status.get(unit.id)
    stalled = find(status.conditions, ConditionType.STALLED) if status is not None else None
    releases = world.store.rows.releases.get(unit.id, ())
    if status is None or stalled is None or stalled.status or world.progressing(unit):
        return None
    if not releases or releases[0].status != "succeeded":
        return None
    slots = {s.order.spec.process: s for k, s in world.supervisor.slots.items() if k.app == unit.id}
    unmet = frozenset(u.path for u in _summary.decode(status.summary).unmet)
    return _Case(world, unit, releases[0], slots, unmet)


def _formation(case: _Case, path: str) -> bool:
    _, process, bound = path.split(".")
    slot, formation = case.slots.get(process), case.unit.intent.formation[process]
    if slot is None:
        return case.serving.slug.process(process) is None or formation.max == 0
    if bound == "size":
        return slot.order.spec.size == formation.size
    granted, wanted = getattr(slot.order.bounds, bound), getattr(formation, bound)
    short = f"formation.{process}.max" in case.unmet
    return granted == wanted or (short and granted < wanted)


def _route(case: _Case, path: str) -> bool:
    facts = case.world.edge.routes.get(case.unit.id)
    intent = case.unit.intent
    if facts is None:
        return False
    said = {
        "name": (facts.route.app_name, intent.name),
        "maintenance": (facts.route.maintenance, intent.maintenance),
        "invoke_key": (facts.invoke_key, intent.invoke_key),
    }
    applied, wanted = said[path]
    return applied == wanted


def _domains(case: _Case, path: str) -> bool:
    """They lead where the app's own host does."""
    facts = case.world.edge.routes.get(case.unit.id)
    backends = facts.route.backends if facts is not None else ()
    home = next((b for b in backends if f"{case.unit.name}.localhost" in b.hosts), None)
    return home is not None and set(case.unit.intent.domains) <= set(home.hosts)


def _certificates(case: _Case, path: str) -> bool:
    """Whoever greets with one of its hosts is shown it; that it ends soon is told."""
    _, name, leaf = path.split(".")
    one = case.unit.intent.certificates[name]
    if leaf == "expires_at_s":
        due = bool(one.domains) and one.due_s <= case.world.now_s
        return due == (f"certificates.{name}" in case.unmet)
    shown = case.world.edge.pems.get(case.unit.id, {})
    pem = case.world.store.secrets[one.pem.key]
    return all(shown.get(host) == pem for host in one.domains)


def _restarted(case: _Case, path: str) -> bool:
    wanted = case.unit.intent.restarted_s
    return all(s.order.spec.restarted_at_s == wanted(p) for p, s in case.slots.items())


def _probe(case: _Case, path: str) -> bool:
    process = path.split(".")[1]
    slot = case.slots.get(process)
    return slot is None or slot.order.probe == case.unit.intent.probes.get(process)


def _source(case: _Case, path: str) -> bool:
    source = case.unit.intent.source
    return source is not None and case.serving.source == source.digest


def _config(case: _Case, path: str) -> bool:
    key = path.partition(".")[2]
    return case.serving.config.get(key) == case.unit.intent.config[key]


def _egress(case: _Case, path: str) -> bool:
    wanted = case.unit.intent.egress or INTERNET
    return all(s.order.egress == wanted for s in case.slots.values())


def _level(case: _Case, path: str) -> bool:
    wanted = case.unit.intent.isolation_level_min
    return all(s.order.level_min == wanted for s in case.slots.values())


def _region(case: _Case, path: str) -> bool:
    return case.unit.intent.region in case.world.supervisor.capabilities.regions


def _pipeline(case: _Case, path: str) -> bool:
    """Nothing in the world shows it, but what it names has to be there."""
    coupling = case.unit.intent.pipeline
    return coupling is not None and coupling.id in case.world.store.lines


def _for_later(case: _Case, path: str) -> bool:
    """It counts for the next build, the next release phase, or the next drift."""
    return True


def _at_the_doors(case: _Case, path: str) -> bool:
    """Nothing in the world shows who may ask for what."""
    return True


_JUDGES: dict[str, Callable[[_Case, str], bool]] = {
    "name": _route,
    "maintenance": _route,
    "invoke_key": _route,
    "certificates": _certificates,
    "domains": _domains,
    "formation": _formation,
    "restarted": _restarted,
    "restarted_at_s": _restarted,
    "probes": _probe,
    "egress": _egress,
    "isolation_level_min": _level,
    "region": _region,
    "source": _source,
    "config": _config,
    "rollback_to": _source,
    "buildpacks": _for_later,
    "cache_since_s": _for_later,
    "release_s_max": _for_later,
    "upkeep": _for_later,
    "access": _at_the_doors,
    "drains": _at_the_doors,
    "acm": _at_the_doors,
    "pipeline": _pipeline,
    "webhooks": _at_the_doors,
    "setup": _for_later,
}
