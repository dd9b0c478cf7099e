"""The why of each value in a file, and which values stay for a reason that is new."""

from collections.abc import Iterable, Mapping

from setpoint.intents.door import Door
from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Touch, UnitChange
from setpoint.model.declared import DeclaredApp
from setpoint.model.paths import conflict_scope, flatten
from setpoint.planning.reasons import reason
from setpoint.policy import words


def whys(said: DeclaredApp, intent: AppIntent) -> dict[str, str]:
    """By path. What stands beside a process is about all of it; beside an app, about whatever has
    none of its own."""
    told = {path: _beside(said, path) for path in flatten(intent)}
    return {
        path: words.beside(found, f"{said.name}.{path}")
        for path, why in told.items()
        if why is not None and (found := why or said.why).strip()
    }


def _beside(said: DeclaredApp, path: str) -> str | None:
    """'' where the app's own counts; None for what the file does not speak of."""
    head, _, rest = path.partition(".")
    process = said.formation.get(rest.rpartition(".")[0])
    match head:
        case "name":
            return ""
        case "maintenance" if said.maintenance is not None:
            return said.maintenance.why
        case "release_s_max" if said.release_phase is not None:
            return said.release_phase.why
        case "buildpacks" if said.buildpacks is not None:
            return said.buildpacks.why
        case "formation" if process is not None:
            return process.why
        case "probes" if process is not None and process.probe is not None:
            return process.probe.why or process.why
        case "config" if rest in said.config:
            return said.config[rest].why
        case "domains" if said.domains is not None:
            return said.domains.why
        case "egress" if said.egress is not None:
            return said.egress.why
        case "isolation_level_min" if said.isolation_level_min is not None:
            return said.isolation_level_min.why
        case "region" if said.region is not None:
            return said.region.why
        case _:
            return None


async def restated(
    door: Door, unit: Unit, told: Mapping[str, str], touched: Iterable[Touch]
) -> tuple[str, ...]:
    """Values that stay, for a reason that nobody has told yet. Of a process, its bounds alone, and
    one of them may have told it: the rest came along by default."""
    changed = {t.path for t in touched}
    stays = [path for path in told if path in flatten(unit.intent) and path not in changed]
    known = {path: await _known_why(door, unit, path) for path in stays if _decided(path)}
    known_to_all = {(conflict_scope(path), why) for path, why in known.items()}
    return tuple(path for path in known if (conflict_scope(path), told[path]) not in known_to_all)


def _decided(path: str) -> bool:
    return path.startswith("config.") or path in _ALONE or path.endswith((".min", ".max"))


_ALONE = (
    "domains",
    "egress",
    "buildpacks",
    "maintenance",
    "release_s_max",
    "isolation_level_min",
    "region",
)


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
