"""What going back on a decision would do now: the planner on a draft. Nothing is written."""

from collections.abc import Mapping, Sequence

from setpoint.model.answer import Undo
from setpoint.model.app import AppIntent, SecretRef, Unit
from setpoint.model.capability import Capabilities, Unmet
from setpoint.model.change import UnitChange
from setpoint.model.paths import flatten
from setpoint.model.release import Release
from setpoint.planning import foretold, undoing
from setpoint.planning.history import usual
from setpoint.store.port import Store
from setpoint.views import outcomes, plans


async def undo(
    store: Store,
    unit: Unit,
    path: str,
    made: UnitChange,
    kept: Sequence[Release],
    capabilities: Capabilities,
    already: Sequence[Unmet],
    now_s: float,
) -> Undo:
    """`made`: the Change that a path has its value from. `kept`: the app's releases. `already`:
    what cannot be had as it is."""
    before = await store.as_of(unit.id, now_s, made.change.seq - 1)
    if before is None and made.generation > 1:
        return Undo(impossible="what the app was before is not known here")
    if before is None:
        return Undo(impossible="it is as it was when the app was created")
    if path == "deleted":
        return Undo(impossible="an app that is destroyed does not come back")
    if path == "invoke_key":
        return Undo(impossible="an invoke key that was replaced is kept no longer")
    intent = undoing.without(unit.intent, before, made.touches, path)
    if await _built_upon(store, unit, intent, made):
        return Undo(impossible="what came together with it was changed since, and would go too")
    if _lost(unit, intent.config, kept):
        return Undo(impossible="its earlier value is kept no longer: set it anew")
    draft = await plans.of_document(store, unit, intent, capabilities, now_s)
    processes = kept[0].slug.processes if kept else ()
    instances, memory_bytes = undoing.effect(unit, intent, processes, capabilities)
    past = usual(await store.took(unit.id, outcomes.PAST_READ))
    return Undo(
        touches=draft.touches,
        steps=foretold.steps(draft.passes),
        ends=foretold.ends(draft.passes, already),
        instances=instances,
        memory_bytes=memory_bytes,
        usual=past.get(made.change.verb),
    )


async def _built_upon(store: Store, unit: Unit, intent: AppIntent, made: UnitChange) -> bool:
    """Would something go that another Change has set since?"""
    gone = flatten(unit.intent).keys() - flatten(intent).keys()
    return any(
        field.change != made.change.seq
        for field in await store.fields(unit.id)
        if field.path in gone
    )


def _lost(unit: Unit, config: Mapping[str, SecretRef], kept: Sequence[Release]) -> bool:
    """Does it need a value that no kept release has? Such a one may be gone at any time."""
    rows = (unit.intent.config, *(r.config for r in kept if r.slug_kept))
    here = {ref for row in rows for ref in row.values()}
    return any(ref not in here for ref in config.values())
