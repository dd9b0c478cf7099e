"""What a file makes of one app: its next document, what differs, and the why of each value."""

from collections.abc import Sequence

import msgspec

from setpoint.intents import (
    buildpacks,
    config,
    declared_whys,
    probes,
    release_phase,
    secrets,
)
from setpoint.intents import wishes as asking_for
from setpoint.intents.door import Door
from setpoint.model import egress as ways_out
from setpoint.model.app import (
    DEFAULT_PROBE,
    AppIntent,
    Formation,
    Probe,
    SecretRef,
    Unit,
    default_formation,
)
from setpoint.model.change import Actor, Touch
from setpoint.model.declared import DeclaredApp, DeclaredProbe, DeclaredProcess
from setpoint.model.errors import Conflict, Invalid, NotFound
from setpoint.model.ids import AppId
from setpoint.model.paths import compared, explained, flatten
from setpoint.model.release import ProcessType, Slug
from setpoint.policy import access, domains, egress, limits, names, wishes
from setpoint.policy import probes as asking


class AppPlan(msgspec.Struct, frozen=True):
    """What a file would make of one app. `unit`: None where it would be created. `alone`: paths
    that it does not name, and that stay. `told`: the Change's summary of it."""

    name: str
    unit: Unit | None
    intent: AppIntent
    touches: tuple[Touch, ...]
    restated: tuple[str, ...]
    whys: dict[str, str]
    alone: tuple[str, ...]
    told: str
    sealed: dict[str, str] = {}

    @property
    def base(self) -> AppIntent:
        return self.unit.intent if self.unit is not None else AppIntent(self.intent.id, "")


async def planned(door: Door, actor: Actor, said: DeclaredApp, *, prune: bool) -> AppPlan:
    """Nothing is written. Raises Refused."""
    unit = await door.store.unit_named(said.name)
    if unit is not None and not access.sees(actor, unit):
        raise Conflict(f"cannot create '{said.name}': the name is taken")
    if unit is not None and unit.intent.deleted:
        raise Conflict(f"cannot apply '{said.name}': it is being destroyed")
    if unit is None:
        names.check_app(said.name)
    base = unit.intent if unit is not None else AppIntent(AppId(door.new_id()), said.name)
    sealed: dict[str, str] = {}
    if base.invoke_key is None and unit is None:
        key = secrets.next_ref(door, None)
        base = msgspec.structs.replace(base, invoke_key=key)
        sealed[key.key] = door.new_token()
    slug = await _slug(door, unit)
    vars_, sealed_vars = await _config(door, base, said, prune=prune)
    intent = msgspec.structs.replace(
        base,
        formation=_formation(slug, base, said, prune=prune),
        config=vars_,
        maintenance=base.maintenance if said.maintenance is None else said.maintenance.on,
        release_s_max=_release_s_max(base, said),
        probes=_probes(slug, base, said),
        **_ways(base, said),
    )
    before = unit.intent if unit is not None else None
    return await _planned(door, said, unit, before, intent, sealed | sealed_vars)


async def _planned(
    door: Door,
    said: DeclaredApp,
    unit: Unit | None,
    before: AppIntent | None,
    intent: AppIntent,
    sealed: dict[str, str],
) -> AppPlan:
    none = AppIntent(intent.id, "")
    touched = compared(before or none, intent)
    whys = declared_whys.whys(said, intent)
    restated = () if unit is None else await declared_whys.restated(door, unit, whys, touched)
    touched = compared(before or none, intent, restated)
    return AppPlan(
        name=said.name,
        unit=unit,
        intent=intent,
        touches=explained(touched, whys),
        restated=restated,
        whys={t.path: whys[t.path] for t in touched if t.path in whys},
        alone=tuple(p for p in flatten(intent) if not _named(said, p)),
        told=_told(said.name, before, intent, [t.path for t in touched]),
        sealed=sealed,
    )


def _named(said: DeclaredApp, path: str) -> bool:
    """Does the file speak of it, or could it not?"""
    head, _, rest = path.partition(".")
    process = said.formation.get(rest.rpartition(".")[0])
    match head:
        case "formation":
            return process is not None
        case "probes":
            return process is not None and process.probe is not None
        case "config":
            return rest in said.config
        case "domains" | "egress" | "buildpacks" | "isolation_level_min" | "region":
            return getattr(said, head) is not None
        case "release_s_max":
            return said.release_phase is not None
        case _:
            return True


async def _slug(door: Door, unit: Unit | None) -> Slug | None:
    """Of the newest release; none before the first."""
    releases = await door.store.releases(unit.id, 1) if unit is not None else ()
    return releases[0].slug if releases else None


def _release_s_max(base: AppIntent, said: DeclaredApp) -> float | None:
    if said.release_phase is None:
        return base.release_s_max
    limits.check_release_phase(said.name, said.release_phase.run_s_max)
    return said.release_phase.run_s_max


def _ways(base: AppIntent, said: DeclaredApp) -> dict[str, object]:
    """How it is built and reached, what it may reach, and where it is to run."""
    ways: dict[str, object] = {}
    if said.buildpacks is not None:
        buildpacks.check(said.name, said.buildpacks.use)
        ways["buildpacks"] = said.buildpacks.use
    if said.domains is not None:
        ways["domains"] = domains.declared(said.name, said.domains.hosts)
    if said.egress is not None:
        ways["egress"] = egress.accepted(said.name, said.egress.to)
    if said.isolation_level_min is not None:
        level = wishes.level(said.name, said.isolation_level_min.value)
        ways["isolation_level_min"] = level
    if said.region is not None:
        ways["region"] = wishes.region(said.name, said.region.value)
    return ways


# --- processes -----------------------------------------------------------------------------------


def _formation(
    slug: Slug | None, base: AppIntent, said: DeclaredApp, *, prune: bool
) -> dict[str, Formation]:
    known = slug.processes if slug is not None else ()
    kept = {p: f for p, f in base.formation.items() if not prune or p in said.formation}
    for process, wanted in said.formation.items():
        names.check_process("scale", said.name, process)
        type_ = _type(said, process, known)
        if wanted.probed_alone:
            continue
        if wanted.concurrency is not None:
            # Before the first release a process may turn out to answer requests.
            kind = type_.kind if known or process in said.functions else "web"
            limits.check_concurrency(said.name, process, kind, wanted.concurrency)
        current = kept.get(process) or default_formation(process, type_.kind)
        kept[process] = _with(wanted, current)
        limits.check_formation(said.name, process, kept[process])
    return kept


def _type(said: DeclaredApp, process: str, known: Sequence[ProcessType]) -> ProcessType:
    function = process in said.functions
    found = next((p for p in known if p.name == process), None)
    if found is None:
        if known:
            told = ", ".join(p.name for p in known if p.kind != "release")
            raise NotFound(
                f"cannot scale '{said.name}': it has no process '{names.shortened(process)}'",
                f"processes: {told}",
            )
        return ProcessType(process, "function" if function else "worker")
    if found.kind == "release":
        raise Invalid(f"cannot scale '{said.name}': '{process}' runs once per release")
    if (found.kind == "function") != function:
        raise Invalid(
            f"cannot scale '{said.name}': '{process}' is a {found.kind}",
            "put it under " + ("functions" if found.kind == "function" else "processes"),
        )
    return found


def _with(wanted: DeclaredProcess, current: Formation) -> Formation:
    """A bound alone may push the other: `max = 1` of a process kept at 3 is 1 and 1."""
    low = wanted.min if wanted.min is not None else current.min
    high = wanted.max if wanted.max is not None else max(current.max, low)
    said = {
        "min": low if wanted.min is not None else min(low, high),
        "max": high,
        "size": wanted.size,
        "idle_s": wanted.idle_s,
        "boot_s_max": wanted.boot_s_max,
        "concurrency": wanted.concurrency,
    }
    return msgspec.structs.replace(current, **{k: v for k, v in said.items() if v is not None})


def _probes(slug: Slug | None, base: AppIntent, said: DeclaredApp) -> dict[str, Probe]:
    kept = dict(base.probes)
    for process, wanted in said.formation.items():
        if wanted.probe is None:
            continue
        asking.check_probed(said.name, process, slug)
        after = _asked(wanted.probe, kept.pop(process, DEFAULT_PROBE))
        asking.check_probe(said.name, after)
        if after != DEFAULT_PROBE:
            kept[process] = after
    return kept


def _asked(wanted: DeclaredProbe, before: Probe) -> Probe:
    said = {f: getattr(wanted, f) for f in Probe.__struct_fields__}
    return probes.updated(before, probes.ProbeUpdate(**said))


# --- config --------------------------------------------------------------------------------------


async def _config(
    door: Door, base: AppIntent, said: DeclaredApp, *, prune: bool
) -> tuple[dict[str, SecretRef], dict[str, str]]:
    """The new references, and what is to be sealed under them."""
    values = {key: var.value for key, var in said.config.items() if var.env}
    limits.check_config(said.name, {**dict.fromkeys(said.config), **values})
    for key, var in said.config.items():
        if not var.env and key not in base.config:
            raise NotFound(
                f"cannot apply '{said.name}': config var {key} is to be kept, and is not set",
                f'set it once with `setpoint config`, or say {{ env = "{key}" }}',
            )
    refs = {key: base.config[key] for key in values if key in base.config}
    current = await door.store.reveal(refs) if refs else {}
    vars_ = {k: ref for k, ref in base.config.items() if not prune or k in said.config}
    sealed: dict[str, str] = {}
    for key, value in values.items():
        if value is not None and current.get(key) != value:
            vars_[key] = secrets.next_ref(door, base.config.get(key))
            sealed[vars_[key].key] = value
    limits.check_config_count(said.name, vars_)
    return vars_, sealed


# --- in words ------------------------------------------------------------------------------------


def _told(name: str, before: AppIntent | None, after: AppIntent, paths: Sequence[str]) -> str:
    """As the single commands would have said it: a release's description is made of it."""
    if before is None:
        return f"Create {name}"
    old, new = flatten(before), flatten(after)
    news = {
        p.removeprefix("config."): ("" if p in new else None)
        for p in paths
        if p.startswith("config.") and old.get(p) != new.get(p)
    }
    scaled = {p.split(".")[1] for p in paths if p.startswith("formation.")}
    told = [config.summary(news)] if news else []
    if scaled:
        now = [f"{s} to {after.formation[s].text}" for s in sorted(scaled) if s in after.formation]
        gone = [f"{s} to its default" for s in sorted(scaled - after.formation.keys())]
        told.append(f"Scale {', '.join((*now, *gone))}")
    if "maintenance" in paths:
        told.append(f"Maintenance {'on' if after.maintenance else 'off'}")
    told += _told_of_ways(before, after)
    return ", ".join(told) or f"Say why of {name}"


def _told_of_ways(before: AppIntent, after: AppIntent) -> list[str]:
    added = sorted({*after.domains} - {*before.domains})
    removed = sorted({*before.domains} - {*after.domains})
    told = [
        f"{verb} {', '.join(some)} domain"
        for verb, some in (("Add", added), ("Remove", removed))
        if some
    ]
    if before.buildpacks != after.buildpacks:
        told.append(buildpacks.summary(after.buildpacks))
    if after.release_s_max is not None and before.release_s_max != after.release_s_max:
        told.append(release_phase.summary(after.release_s_max))
    if before.egress != after.egress:
        told.append(f"Egress: {ways_out.words(after.egress)}")
    if before.isolation_level_min != after.isolation_level_min:
        told.append(asking_for.level_summary(after.isolation_level_min))
    if before.region != after.region:
        told.append(asking_for.region_summary(after.region))
    return told + [
        probes.summary(process, probe)
        for process, probe in after.probes.items()
        if probe != before.probes.get(process)
    ]
