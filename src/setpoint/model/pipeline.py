"""Pipelines: apps of one code at several stages, and releases that go from one to the next."""

from typing import Literal, get_args

import msgspec

from setpoint.model.ids import AppId

Stage = Literal["test", "review", "development", "staging", "production"]
STAGES: tuple[Stage, ...] = get_args(Stage)
DOWNSTREAM: dict[Stage, Stage] = {
    "review": "staging",
    "development": "staging",
    "staging": "production",
}
"""Where a release goes where nobody says."""
REVIEW: Stage = "review"


class Coupling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which pipeline an app is in, by id, and at which stage."""

    id: str
    stage: Stage


class Pipeline(msgspec.Struct, frozen=True):
    """`owner`: an email. Its name is unique among those of its owner."""

    id: str
    name: str
    owner: str
    created_at_s: float
    updated_at_s: float


class PipelineWrite(msgspec.Struct, frozen=True):
    """What a Change does to a pipeline itself. `gone`: it ceases to be."""

    pipeline: Pipeline
    gone: bool = False


class Promoted(msgspec.Struct, frozen=True):
    """Where a slug comes from: a release of another app. `promotion`: of which this is a part."""

    promotion: str
    app: AppId
    version: int


class Target(msgspec.Struct, frozen=True):
    """`change`: that gave it the slug; None: not yet, or never, and then `error` says why."""

    app: AppId
    change: int | None = None
    error: str = ""


class Promotion(msgspec.Struct, frozen=True):
    """One release given to several apps, each by a Change of its own. `app`, `version`: whose, and
    which. `at_s`: unix seconds."""

    id: str
    pipeline: str
    app: AppId
    version: int
    at_s: float
    targets: tuple[Target, ...] = ()
