"""What a file makes of one app: its next document, what differs, and the why of each value."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from setpoint.intents import config, secrets
from setpoint.intents.door import Door
from setpoint.model.app import AppIntent, Formation, SecretRef, Unit, default_formation
from setpoint.model.change import Touch, UnitChange
from setpoint.model.declared import DeclaredApp, DeclaredProcess, DeclaredVar
from setpoint.model.errors import Conflict, Invalid, NotFound
from setpoint.model.ids import AppId
from setpoint.model.paths import compared, conflict_scope, explained, flatten
from setpoint.model.release import ProcessType
from setpoint.planning.reasons import reason
from setpoint.policy import limits, names, words


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


async def planned(door: Door, said: DeclaredApp, *, prune: bool) -> AppPlan:
    """Nothing is written. Raises Refused."""
    unit = await door.store.unit_named(said.name)
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
    formation = await _formation(door, unit, base, said, prune=prune)
    vars_, sealed_vars = await _config(door, base, said, prune=prune)
    intent = msgspec.structs.replace(
        base,
        formation=formation,
        config=vars_,
        maintenance=base.maintenance if said.maintenance is None else said.maintenance,
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
    whys = _whys(said, intent)
    restated = () if unit is None else await _restated(door, unit, whys, touched)
    touched = compared(before or none, intent, restated)
    named = _named(said)
    alone = [p for p in flatten(intent) if p.partition(".")[0] in ("config", "formation")]
    return AppPlan(
        name=said.name,
        unit=unit,
        intent=intent,
        touches=explained(touched, whys),
        restated=restated,
        whys={t.path: whys[t.path] for t in touched if t.path in whys},
        alone=tuple(p for p in alone if not p.startswith(named)),
        told=_told(said.name, before, intent, [t.path for t in touched]),
        sealed=sealed,
    )


def _named(said: DeclaredApp) -> tuple[str, ...]:
    """Beginnings of the paths that the file speaks of."""
    formation = (f"formation.{process}." for process in said.formation)
    return (*formation, *(f"config.{key}" for key in said.config))


async def _formation(
    door: Door, unit: Unit | None, base: AppIntent, said: DeclaredApp, *, prune: bool
) -> dict[str, Formation]:
    known = await _processes(door, unit)
    kept = {p: f for p, f in base.formation.items() if not prune or p in said.formation}
    for process, wanted in said.formation.items():
        names.check_process("scale", said.name, process)
        type_ = _type(said, process, known)
        current = kept.get(process) or default_formation(process, type_.kind)
        kept[process] = _with(wanted, current)
        limits.check_formation(said.name, process, kept[process])
    return kept


async def _processes(door: Door, unit: Unit | None) -> tuple[ProcessType, ...]:
    """Of the newest release; none before the first."""
    releases = await door.store.releases(unit.id, 1) if unit is not None else ()
    return releases[0].slug.processes if releases else ()


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
    }
    return msgspec.structs.replace(current, **{k: v for k, v in said.items() if v is not None})


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


# --- whys ----------------------------------------------------------------------------------------


def _whys(said: DeclaredApp, intent: AppIntent) -> dict[str, str]:
    """By path. What stands beside a process is about all of it; beside an app, about whatever has
    none of its own."""
    told: dict[str, str] = {}
    for path in flatten(intent):
        head, _, rest = path.partition(".")
        beside: DeclaredProcess | DeclaredVar | None = None
        if head == "formation":
            beside = said.formation.get(rest.rpartition(".")[0])
        elif head == "config":
            beside = said.config.get(rest)
        elif head not in ("name", "maintenance"):
            continue
        elif said.why:
            told[path] = words.beside(said.why, f"{said.name}.{path}")
        if beside is not None and (beside.why or said.why):
            told[path] = words.beside(beside.why or said.why, f"{said.name}.{path}")
    return {path: why for path, why in told.items() if why}


async def _restated(
    door: Door, unit: Unit, whys: Mapping[str, str], touched: Iterable[Touch]
) -> tuple[str, ...]:
    """Values that stay, for a reason that nobody has told yet. Of a process, its bounds alone, and
    one of them may have told it: the rest came along by default."""
    changed = {t.path for t in touched}
    stays = [path for path in whys if path in flatten(unit.intent) and path not in changed]
    known = {path: await _known_why(door, unit, path) for path in stays if _decided(path)}
    told = {(conflict_scope(path), why) for path, why in known.items()}
    return tuple(path for path in known if (conflict_scope(path), whys[path]) not in told)


def _decided(path: str) -> bool:
    return path.startswith("config.") or path.endswith((".min", ".max"))


async def _known_why(door: Door, unit: Unit, path: str) -> str:
    field = await door.store.field(unit.id, path)
    made = await door.store.change(field.change) if field is not None else ()
    mine: UnitChange | None = next((c for c in made if c.unit == unit.id), None)
    if mine is None:
        return ""
    touch = next((t for t in mine.touches if t.path == path), None)
    notes = await door.store.notes([mine.change.seq])
    if touch is not None and touch.why:
        return touch.why
    return reason(mine.change.asked, notes.get(mine.change.seq, ())).text


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
    return ", ".join(told) or f"Say why of {name}"
