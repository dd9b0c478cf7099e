"""The closed list of steps, in the journal's words too, and the Plan.

Steps leave nothing to choose: they name sets and fences.
"""

from typing import assert_never

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.capability import Unmet, Want
from setpoint.model.change import Because
from setpoint.model.condition import Condition
from setpoint.model.ids import AppId, BuildId, JobId, SetKey
from setpoint.model.job import Job, JobEnd, JobOrder
from setpoint.model.process import SetOrder
from setpoint.model.release import BuildRequest
from setpoint.model.route import Route


class StartBuild(msgspec.Struct, frozen=True, tag=True):
    """`environment`: of the app's own build commands; references, as in EnsureProcesses."""

    request: BuildRequest
    because: Because
    environment: dict[str, SecretRef] = {}


class CutRelease(msgspec.Struct, frozen=True, tag=True):
    """Cut only while `change` still is the app's newest that alters a release; else superseded.

    `copies`: the version whose slug it takes over, where nothing was built for it.
    """

    app: AppId
    build: BuildId
    config: dict[str, SecretRef]
    description: str
    change: int
    because: Because
    copies: int | None = None
    commit: str = ""


class SettleRelease(msgspec.Struct, frozen=True, tag=True):
    """Record the verdict on a release: it serves, or it failed and why."""

    app: AppId
    version: int
    succeeded: bool
    message: str
    because: Because


class EnsureProcesses(msgspec.Struct, frozen=True, tag=True):
    """`environment`: references; the applier resolves values at the last moment."""

    order: SetOrder
    environment: dict[str, SecretRef]
    because: Because


class RemoveProcesses(msgspec.Struct, frozen=True, tag=True):
    """Drain and stop every instance of a set. Absent is success."""

    key: SetKey
    generation: int
    because: Because


class EnsureRoute(msgspec.Struct, frozen=True, tag=True):
    route: Route
    invoke_key: SecretRef | None
    because: Because


class RemoveRoute(msgspec.Struct, frozen=True, tag=True):
    app: AppId
    generation: int
    because: Because


class StartJob(msgspec.Struct, frozen=True, tag=True):
    """Start it, unless its id was ever seen. `job`: its row, for those that have none yet."""

    order: JobOrder
    job: Job
    environment: dict[str, SecretRef]
    because: Because


class StopJob(msgspec.Struct, frozen=True, tag=True):
    """End it; one that was never started is never started."""

    app: AppId
    id: JobId
    dyno: str
    because: Because


class SettleJob(msgspec.Struct, frozen=True, tag=True):
    """Record what came of it."""

    app: AppId
    id: JobId
    dyno: str
    end: JobEnd
    because: Because


class ForgetApp(msgspec.Struct, frozen=True, tag=True):
    """Nothing of it is left in the world: the unit becomes history."""

    app: AppId
    because: Because


Step = (
    StartBuild
    | CutRelease
    | SettleRelease
    | EnsureProcesses
    | RemoveProcesses
    | EnsureRoute
    | RemoveRoute
    | StartJob
    | StopJob
    | SettleJob
    | ForgetApp
)


class Waiting(msgspec.Struct, frozen=True):
    """Empty is not settled: on what, why, and when to look again (seconds)."""

    on: str
    because: str
    look_again_s: float = 1.0


class Drift(msgspec.Struct, frozen=True):
    """What is not as it once was, and is left so because the app's upkeep says so."""

    subject: str
    text: str


class Plan(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    conditions: tuple[Condition, ...] = ()
    alarm_s: float | None = None
    """seconds after which to look again though nothing is waited for: a job will be due"""
    drift: tuple[Drift, ...] = ()
    left_undone: bool = False
    """something would be done, were the app not frozen, its drift only told, or its level had"""
    withdrawn: bool = False
    """nothing of it may run here: that it does not is no drift, and neither is it later"""
    wants: frozenset[Want] = frozenset()
    """all it leaned on of what is offered"""

    @property
    def settled(self) -> bool:
        return not self.steps and not self.waiting


def describe(step: Step) -> tuple[str, str]:
    """(verb, subject), as the journal keeps them and a plan shows them."""
    match step:
        case StartBuild():
            return "start-build", step.request.source[:8]
        case CutRelease():
            return "cut-release", "release"
        case SettleRelease():
            return "settle-release", f"v{step.version}"
        case EnsureProcesses():
            return "ensure-processes", f"{step.order.key.process}@v{step.order.spec.release}"
        case RemoveProcesses():
            return "remove-processes", step.key.process
        case EnsureRoute():
            return "ensure-route", step.route.app_name
        case RemoveRoute():
            return "remove-route", "route"
        case StartJob():
            return "start-job", step.order.dyno
        case StopJob():
            return "stop-job", step.dyno
        case SettleJob():
            return "settle-job", step.dyno
        case ForgetApp():
            return "forget-app", "app"
        case _:
            assert_never(step)
