"""Pipelines, what is in them, and releases that go on to the next stage."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import AppIntent, Source, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Conflict, NotFound, SetpointError
from setpoint.model.ids import AppId
from setpoint.model.pipeline import (
    Coupling,
    Pipeline,
    PipelineWrite,
    Promoted,
    Promotion,
    Target,
)
from setpoint.model.release import Release
from setpoint.policy import access, pipelines, words
from setpoint.store.port import UnitWrite

CREATE, ALTER, DESTROY = "create the pipeline", "alter the pipeline", "destroy the pipeline"
ADD, MOVE, REMOVE = "add to a pipeline", "change the stage of", "remove from its pipeline"
PROMOTE, PROMOTE_TO = "promote", "promote to"
NAMESPACE = UUID("0b3c0f0a-43a5-5d43-a6a7-7b0d7c1c7a5e")


async def create(door: Door, asked: Asked, name: str) -> Pipeline:
    """It is whose who asks. Raises Conflict where they have one of that name."""
    access.authorise(asked.actor, CREATE, name)
    pipelines.check_name(name, f"cannot {CREATE}")
    at_s = asked.at_s
    made = Pipeline(door.new_id(), name, asked.actor.email, at_s, at_s)
    return await _write(door, asked, CREATE, f"Create pipeline {name}", made)


async def alter(
    door: Door,
    asked: Asked,
    pipeline: Pipeline,
    *,
    name: str | None = None,
    owner: str | None = None,
) -> Pipeline:
    """Call it otherwise, or hand it over. What is so already is no Change."""
    access.authorise(asked.actor, ALTER, pipeline.name)
    pipelines.admit_to_alter(asked.actor, pipeline, ALTER)
    told = list[str]()
    if name is not None and name != pipeline.name:
        pipelines.check_name(name, f"cannot {ALTER} '{pipeline.name}'")
        told.append(f"Rename pipeline {pipeline.name} to {name}")
    if owner is not None and owner != pipeline.owner:
        told.append(f"Hand pipeline {name or pipeline.name} over to {owner}")
    if not told:
        return pipeline
    after = msgspec.structs.replace(
        pipeline,
        name=name or pipeline.name,
        owner=owner or pipeline.owner,
        updated_at_s=asked.at_s,
    )
    return await _write(door, asked, ALTER, ", ".join(told), after)


async def destroy(door: Door, asked: Asked, pipeline: Pipeline) -> Pipeline:
    """Its apps go on, in no pipeline: whoever may end it need not have a role on each."""
    access.authorise(asked.actor, DESTROY, pipeline.name)
    pipelines.admit_to_alter(asked.actor, pipeline, DESTROY)
    apps = pipelines.members(pipeline, await door.store.units())
    writes = [UnitWrite(_coupled(u.intent, None), u.rev) for u in apps]
    told = f"Destroy pipeline {pipeline.name}"
    return await _write(door, asked, DESTROY, told, pipeline, writes, gone=True)


async def _write(
    door: Door,
    asked: Asked,
    verb: str,
    told: str,
    pipeline: Pipeline,
    writes: Sequence[UnitWrite] = (),
    *,
    gone: bool = False,
) -> Pipeline:
    asked, row = words.accepted(words.linked(asked)), PipelineWrite(pipeline, gone)
    done = await door.store.commit(asked, verb, told, writes, pipeline=row)
    for unit in done.units:
        door.wake(unit.id)
    return pipeline


# --- what is in them -----------------------------------------------------------------------------


async def add(door: Door, asked: Asked, name: str, pipeline: Pipeline, said: str) -> Unit:
    """Raises Conflict where it is in one already."""
    unit = await app_to(door, asked, ADD, name)
    stage = pipelines.stage(said, f"cannot {ADD} '{name}'")
    apps = pipelines.members(pipeline, await door.store.units())
    pipelines.admit_to_add(asked.actor, pipeline, apps, name)
    if unit.intent.pipeline is not None:
        raise Conflict(f"cannot {ADD} '{name}': it is in one already", "first: pipelines:remove")
    intent = _coupled(unit.intent, Coupling(pipeline.id, stage))
    return await change(door, asked, ADD, f"Add {name} to {pipeline.name} as {stage}", unit, intent)


async def move(door: Door, asked: Asked, name: str, said: str) -> Unit:
    unit = await app_to(door, asked, MOVE, name)
    stage, before = pipelines.stage(said, f"cannot {MOVE} '{name}'"), unit.intent.pipeline
    if before is None:
        raise in_none(unit, MOVE)
    if before.stage == stage:
        return unit
    intent = _coupled(unit.intent, Coupling(before.id, stage))
    return await change(door, asked, MOVE, f"Move {name} to {stage}", unit, intent)


async def remove(door: Door, asked: Asked, name: str) -> Unit:
    unit = await app_to(door, asked, REMOVE, name)
    if unit.intent.pipeline is None:
        raise in_none(unit, REMOVE)
    intent = _coupled(unit.intent, None)
    return await change(door, asked, REMOVE, f"Remove {name} from its pipeline", unit, intent)


def in_none(unit: Unit, verb: str) -> NotFound:
    return NotFound(
        f"cannot {verb} '{unit.name}': it is in no pipeline",
        f"setpoint pipelines PIPELINE --add {unit.name} --stage STAGE",
    )


def _coupled(intent: AppIntent, coupling: Coupling | None) -> AppIntent:
    return msgspec.structs.replace(intent, pipeline=coupling)


# --- promotions ----------------------------------------------------------------------------------


async def promote(
    door: Door,
    asked: Asked,
    name: str,
    wanted: Sequence[str],
    stack: str,
    version: int | None = None,
) -> Promotion:
    """What serves of this app, or has as `version`, to others of its pipeline: `wanted`, by id or
    name, or all of the next stage. `stack`: this machine's.

    Each target has a Change of its own. What can be told before is refused as a whole; what happens
    to one of them meanwhile is told of that one.
    """
    unit = await app_to(door, asked, PROMOTE, name)
    coupling = unit.intent.pipeline
    if coupling is None:
        raise in_none(unit, PROMOTE)
    in_it = [u for u in await door.store.units() if _is_in(u, coupling.id)]
    seen = [u for u in in_it if access.sees(asked.actor, u)]
    targets = pipelines.targets(unit, seen, wanted)
    for target in targets:
        access.admit(asked.actor, PROMOTE_TO, target)
    release = pipelines.release(unit, await door.store.releases(unit.id), stack, version)
    rows = tuple(Target(target.id) for target in targets)
    promotion = Promotion(_id(door, asked), coupling.id, unit.id, release.version, asked.at_s, rows)
    await door.store.begin_promotion(promotion)
    for target in targets:
        await _give(door, asked, promotion, unit, release, target)
    return await door.store.promotion(promotion.id) or promotion


def _id(door: Door, asked: Asked) -> str:
    """Asked twice with one key it is the same promotion."""
    if not asked.idempotency_key:
        return door.new_id()
    return str(uuid5(NAMESPACE, f"{asked.actor.name}\0{asked.idempotency_key}"))


def _is_in(unit: Unit, pipeline: str) -> bool:
    coupling = unit.intent.pipeline
    return coupling is not None and coupling.id == pipeline and not unit.intent.deleted


async def _give(
    door: Door,
    asked: Asked,
    promotion: Promotion,
    source: Unit,
    release: Release,
    target: Unit,
) -> None:
    """The slug, not the config: that stays the target's own. A key stands for one Change."""
    if asked.idempotency_key:
        key = f"{asked.idempotency_key} {target.id}"
        asked = msgspec.structs.replace(asked, idempotency_key=key)
    intent = msgspec.structs.replace(
        target.intent, source=Source(release.source, release.commit), rollback_to=None
    )
    summary = f"Promote {source.name} {release.label} {_shown(release)}"
    try:
        await change(
            door,
            asked,
            PROMOTE_TO,
            summary,
            target,
            intent,
            restated=("source.digest",),
            promoted=Promoted(promotion.id, AppId(source.id), release.version),
        )
    except SetpointError as error:
        await door.store.refuse_promotion(promotion.id, target.id, str(error))


def _shown(release: Release) -> str:
    return (release.commit or release.source)[:8]
