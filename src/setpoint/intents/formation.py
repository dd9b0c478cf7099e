"""How many of each process may run, and in which size."""

from collections.abc import Mapping, Sequence

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Formation, Unit, default_formation
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.release import ProcessType, Slug
from setpoint.policy import limits, names

VERB = "scale"


class FormationUpdate(msgspec.Struct, frozen=True):
    """What is None stays as it is. `min`, `max`: as they came in, checked before anything else."""

    process: str
    min: object = None
    max: object = None
    size: str | None = None
    idle_s: float | None = None
    boot_s_max: float | None = None
    concurrency: int | None = None


async def scale(door: Door, asked: Asked, name: str, updates: Sequence[FormationUpdate]) -> Unit:
    """All of them or none. What is so already is no Change."""
    unit = await app_to(door, asked, VERB, name)
    _check_form(name, updates)
    slug = await _slug(door, unit)
    formation = dict(unit.intent.formation)
    for update in updates:
        formation[update.process] = _updated(name, formation, _type(name, slug, update), update)
    told = _summary(unit.intent.formation, formation)
    if not told:
        return unit
    intent = msgspec.structs.replace(unit.intent, formation=formation)
    return await change(door, asked, VERB, told, unit, intent)


def _check_form(app: str, updates: Sequence[FormationUpdate]) -> None:
    """What can be said without knowing the app: a nonsense quantity is told before all else."""
    for update in updates:
        names.check_process(VERB, app, update.process)
        for quantity in (update.min, update.max):
            if quantity is not None:
                limits.check_quantity(app, update.process, quantity)


async def _slug(door: Door, unit: Unit) -> Slug:
    releases = await door.store.releases(unit.id, 1)
    if not releases:
        raise Invalid(
            f"cannot scale '{unit.name}': it has no release yet, so no process is known",
            f"deploy first: setpoint deploy -a {unit.name}",
        )
    return releases[0].slug


def _type(app: str, slug: Slug, update: FormationUpdate) -> ProcessType:
    found = slug.process(update.process)
    if found is None:
        known = ", ".join(p.name for p in slug.processes if p.kind != "release")
        raise NotFound(
            f"cannot scale '{app}': it has no process '{update.process}'", f"processes: {known}"
        )
    if found.kind == "release":
        raise Invalid(f"cannot scale '{app}': '{update.process}' runs once per release")
    return found


def _updated(
    app: str,
    formation: Mapping[str, Formation],
    type_: ProcessType,
    update: FormationUpdate,
) -> Formation:
    before = formation.get(type_.name, default_formation(type_.name, type_.kind))
    said = {
        field: value
        for field in Formation.__struct_fields__
        if (value := getattr(update, field)) is not None
    }
    if update.concurrency is not None:
        limits.check_concurrency(app, type_.name, type_.kind, update.concurrency)
    after = msgspec.structs.replace(before, **said)
    limits.check_formation(app, type_.name, after)
    return after


def _summary(before: Mapping[str, Formation], after: Mapping[str, Formation]) -> str:
    """'Scale web to 2', 'Scale web to 0..2 (standard-2x), worker to 1'; '' if nothing changed."""
    told = [
        f"{process} to {_told(before.get(process), now)}"
        for process, now in after.items()
        if before.get(process) != now
    ]
    return f"Scale {', '.join(told)}" if told else ""


def _told(before: Formation | None, now: Formation) -> str:
    resized = before is not None and before.size != now.size
    return f"{now.text} ({now.size})" if resized else now.text
