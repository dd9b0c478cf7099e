"""Pipelines -> Heroku's reply objects. An app is in one pipeline at most: its coupling has an id
that is derived of both."""

from typing import Literal

from setpoint.formats.heroku import pipeline_shapes, shapes, write
from setpoint.model import pipeline as model
from setpoint.model.app import Unit
from setpoint.model.ids import AppId


def pipeline(row: model.Pipeline) -> pipeline_shapes.Pipeline:
    return pipeline_shapes.Pipeline(
        id=row.id,
        name=row.name,
        owner=owner(row.owner),
        generation=_generation(),
        created_at=write.when(row.created_at_s),
        updated_at=write.when(row.updated_at_s),
    )


def owner(email: str) -> pipeline_shapes.PipelineOwner:
    return pipeline_shapes.PipelineOwner(write.derived("user", email))


def coupling_id(app: AppId, pipeline: str) -> str:
    return write.derived(app, "pipeline-coupling", pipeline)


def coupling(unit: Unit, row: model.Pipeline, stage: model.Stage) -> pipeline_shapes.Coupling:
    return pipeline_shapes.Coupling(
        id=coupling_id(unit.id, row.id),
        app=shapes.Ref(unit.id, unit.name),
        pipeline=shapes.Ref(row.id, row.name),
        stage=stage,
        generation=_generation(),
        created_at=write.when(unit.created_at_s),
        updated_at=write.when(unit.updated_at_s),
    )


def promotion(row: model.Promotion, *, completed: bool) -> pipeline_shapes.Promotion:
    return pipeline_shapes.Promotion(
        id=row.id,
        pipeline=shapes.IdRef(row.pipeline),
        source=pipeline_shapes.PromotionSource(
            shapes.IdRef(row.app), shapes.IdRef(write.derived(row.app, "release", row.version))
        ),
        status="completed" if completed else "pending",
        created_at=write.when(row.at_s),
        updated_at=write.when(row.at_s),
    )


def target(
    row: model.Promotion,
    app: AppId,
    status: Literal["pending", "succeeded", "failed"],
    release: int | None,
    message: str,
) -> pipeline_shapes.PromotionTarget:
    id = write.derived(app, "release", release) if release is not None else None
    return pipeline_shapes.PromotionTarget(
        id=write.derived(row.id, "promotion-target", app),
        app=shapes.IdRef(app),
        pipeline_promotion=shapes.IdRef(row.id),
        release=shapes.IdRef(id) if id is not None else None,
        status=status,
        error_message=message or None,
    )


def transfer(row: model.Pipeline, before: str) -> pipeline_shapes.Transfer:
    at = write.when(row.updated_at_s)
    return pipeline_shapes.Transfer(
        id=write.derived(row.id, "transfer", before, row.owner, at),
        pipeline=shapes.IdRef(row.id),
        previous_owner=owner(before),
        new_owner=owner(row.owner),
        created_at=at,
        updated_at=at,
    )


def _generation() -> shapes.Ref:
    return shapes.Ref(write.derived("generation", write.GENERATION), write.GENERATION)
