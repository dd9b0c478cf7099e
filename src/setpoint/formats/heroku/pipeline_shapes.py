"""Reply objects of pipelines, promotions, app setups and review apps, as in `shapes`."""

from typing import Literal

import msgspec

from setpoint.formats.heroku.shapes import IdRef, Ref


class PipelineOwner(msgspec.Struct, frozen=True):
    id: str
    type: str = "user"


class Pipeline(msgspec.Struct, frozen=True):
    id: str
    name: str
    owner: PipelineOwner
    generation: Ref
    created_at: str
    updated_at: str


class Coupling(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    pipeline: Ref
    stage: str
    generation: Ref
    created_at: str
    updated_at: str


class PromotionSource(msgspec.Struct, frozen=True):
    app: IdRef
    release: IdRef


class Promotion(msgspec.Struct, frozen=True):
    id: str
    pipeline: IdRef
    source: PromotionSource
    status: Literal["pending", "completed"]
    created_at: str
    updated_at: str | None


class PromotionTarget(msgspec.Struct, frozen=True):
    id: str
    app: IdRef
    pipeline_promotion: IdRef
    release: IdRef | None
    status: Literal["pending", "succeeded", "failed"]
    error_message: str | None


class Transfer(msgspec.Struct, frozen=True):
    id: str
    pipeline: IdRef
    previous_owner: PipelineOwner
    new_owner: PipelineOwner
    created_at: str
    updated_at: str


class PipelineStack(msgspec.Struct, frozen=True):
    stack: Ref


class SetupBuild(msgspec.Struct, frozen=True):
    id: str
    status: str
    output_stream_url: str


class Postdeploy(msgspec.Struct, frozen=True):
    exit_code: int
    output: str


class AppSetup(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    build: SetupBuild | None
    status: Literal["pending", "succeeded", "failed"]
    failure_message: str | None
    created_at: str
    updated_at: str
    manifest_errors: tuple[str, ...] = ()
    postdeploy: Postdeploy | None = None
    resolved_success_url: str | None = None


class ReviewApp(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    app_setup: IdRef
    branch: str
    pipeline: IdRef
    status: Literal["pending", "creating", "created", "deleting", "errored"]
    creator: IdRef
    created_at: str
    updated_at: str
    pr_number: int | None = None
    error_status: str | None = None
    message: str | None = None
    wait_for_ci: bool = False
    fork_repo: IdRef | None = None
