"""What would happen if? The planner on a draft of the document; nothing is written."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from setpoint.model.app import AppIntent, Formation, SecretRef, Source, Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor, Touch
from setpoint.model.ids import AppId
from setpoint.model.job import CronJob
from setpoint.model.observed import Observed
from setpoint.model.paths import compared, is_shape, is_source
from setpoint.model.release import ProcessType
from setpoint.model.steps import Plan, StartBuild
from setpoint.planning import schedule
from setpoint.planning.forecast import Found, forecast
from setpoint.policy import access, limits, names
from setpoint.store.port import Store
from setpoint.views import lookup, releases

DRAFT_ID = AppId("draft")
"""An app that is not there yet has no id; nothing with this one ever leaves a plan."""


class Edits(msgspec.Struct, frozen=True):
    """What would be asked. Config by key only: a plan needs no values, so it is told none.

    `processes`, `cron`: what a build would find in `source`, as far as the asker knows.
    """

    source: Source | None = None
    config_set: tuple[str, ...] = ()
    config_unset: tuple[str, ...] = ()
    formation: dict[str, Formation] = {}
    processes: tuple[ProcessType, ...] = ()
    cron: tuple[CronJob, ...] = ()


class CronChange(msgspec.Struct, frozen=True):
    """A scheduled command that comes with the draft's source, or goes with the one before."""

    what: Literal["added", "removed"]
    schedule: str
    command: str


class DraftPlan(msgspec.Struct, frozen=True):
    """`passes`: every pass until it settles. `new`: the app would be created. `cron`: what would be
    scheduled otherwise than now.

    `assumed`: some of it rests on a build that has not been made, taken as gone well.
    """

    app: str
    new: bool
    touches: tuple[Touch, ...]
    passes: tuple[Plan, ...]
    assumed: bool
    cron: tuple[CronChange, ...] = ()


async def draft(
    store: Store,
    actor: Actor,
    name: str,
    edits: Edits,
    capabilities: Capabilities,
    now_s: float,
) -> DraftPlan:
    """Raises what the Change itself would be refused with."""
    access.authorise(actor, "plan", name)
    _check(name, edits)
    unit = await lookup.seen_named(store, actor, name)
    base = unit if unit is not None else _unborn(name, actor, now_s)
    restated = ("source.digest",) if edits.source is not None else ()
    intent = _intent(base.intent, edits)
    touched, wanted = _edited(base, intent, await _next_change(store), restated)
    seen = await observed(store, unit) if unit is not None else Observed()
    passes = forecast(wanted, seen, capabilities, now_s, Found(edits.processes, edits.cron))
    return DraftPlan(
        app=name,
        new=unit is None,
        touches=touched,
        passes=passes,
        assumed=_would_build(passes),
        cron=_cron(seen, edits) if edits.source is not None else (),
    )


async def of_document(
    store: Store, unit: Unit, intent: AppIntent, capabilities: Capabilities, now_s: float
) -> DraftPlan:
    """What a whole other document of an app that is there would do."""
    touched, wanted = _edited(unit, intent, await _next_change(store))
    passes = forecast(wanted, await observed(store, unit), capabilities, now_s)
    return DraftPlan(unit.name, False, touched, passes, _would_build(passes))


def _check(name: str, edits: Edits) -> None:
    schedule.check_jobs(edits.cron, "cron")
    limits.check_config(name, dict.fromkeys((*edits.config_set, *edits.config_unset), None))
    for process, formation in edits.formation.items():
        names.check_process("scale", name, process)
        limits.check_formation(name, process, formation)


def _unborn(name: str, actor: Actor, now_s: float) -> Unit:
    names.check_app(name)
    intent = AppIntent(DRAFT_ID, name)
    return Unit(intent, 0, 0, 0, actor.email, now_s, now_s, last_change=0)


def _edited(
    unit: Unit, intent: AppIntent, change: int, restated: tuple[str, ...] = ()
) -> tuple[tuple[Touch, ...], Unit]:
    """The unit as the store would make it, were this document one Change."""
    touched = compared(unit.intent, intent, restated)
    if not touched:
        return (), unit
    shapes = any(is_shape(t.path) for t in touched)
    return touched, msgspec.structs.replace(
        unit,
        intent=intent,
        generation=unit.generation + 1,
        last_change=change,
        source_change=change if any(is_source(t.path) for t in touched) else unit.source_change,
        shape_change=change if shapes else unit.shape_change,
        shape_summary="this draft" if shapes else unit.shape_summary,
    )


def _intent(intent: AppIntent, edits: Edits) -> AppIntent:
    config = {k: ref for k, ref in intent.config.items() if k not in edits.config_unset}
    for key in edits.config_set:
        before = config.get(key)
        config[key] = SecretRef(f"draft/{key}", before.version + 1 if before is not None else 1)
    return msgspec.structs.replace(
        intent,
        source=edits.source if edits.source is not None else intent.source,
        rollback_to=intent.rollback_to if edits.source is None else None,
        config=config,
        formation=intent.formation | edits.formation,
    )


async def _next_change(store: Store) -> int:
    newest = await store.changes(None, 1)
    return newest[0].change.seq + 1 if newest else 1


async def observed(store: Store, unit: Unit) -> Observed:
    """As last seen: a plan never looks at the world itself."""
    _, summary = await lookup.seen(store, unit.id)
    return Observed(
        builds=await store.builds(unit.id),
        releases=await store.releases(unit.id),
        sets=summary.sets,
        route=summary.route,
        settled_generation=summary.settled_generation,
    )


def _cron(observed: Observed, edits: Edits) -> tuple[CronChange, ...]:
    """As lists differ: what was changed is gone, and another is there."""
    serving = releases.current(observed.releases)
    before = next((r.slug.schedule for r in observed.releases if r.version == serving), ())
    return (*_only("removed", before, edits.cron), *_only("added", edits.cron, before))


def _only(
    what: Literal["added", "removed"], here: Sequence[CronJob], there: Sequence[CronJob]
) -> tuple[CronChange, ...]:
    return tuple(CronChange(what, j.schedule, j.command) for j in here if j not in there)


def _would_build(passes: tuple[Plan, ...]) -> bool:
    return any(isinstance(step, StartBuild) for plan in passes for step in plan.steps)
