"""Jobs: what runs once and ends. A one-off command, a release phase, a scheduled command.

At most once: an id is started one time or never. What nobody can tell any more is `lost`, shown,
and not run again.
"""

from typing import Literal

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.egress import INTERNET, Egress
from setpoint.model.ids import AppId, Fence, JobId
from setpoint.model.level import Level
from setpoint.model.process import Exit, ProcessSpec

JobKind = Literal["run", "release", "scheduled", "script"]
JobState = Literal["pending", "handed", "succeeded", "failed", "lost", "stopped"]
"""`handed`: written down before the supervisor was asked. It started since, or it never will."""

RUN_S_MAX = 24 * 3600.0
"""One-off dynos on Heroku are ended after a day."""
RELEASE_S_MAX = 3600.0
"""Heroku's limit for a release phase."""
JOBS_LIVE_MAX = 50
"""per app, at the same time"""


class CronJob(msgspec.Struct, frozen=True):
    """A command of app.json's `cron`. `schedule`: five fields or `@daily` and such, in UTC."""

    schedule: str
    command: str


class Job(msgspec.Struct, frozen=True):
    """One job's row. `dyno`: 'run.4821'. `release`: the version whose slug and config it runs on.

    `by`: email of whoever asked, '' for the platform. `environment`: beside the release's config.
    `due_s`: of a scheduled one, when it was due. `code`: how it ended, where it ran. Unix seconds.
    """

    id: JobId
    app: AppId
    kind: JobKind
    dyno: str
    command: str
    release: int
    size: str = "basic"
    by: str = ""
    why: str = ""
    change: int | None = None
    asked_at_s: float = 0.0
    due_s: float | None = None
    environment: dict[str, SecretRef] = {}
    attached: bool = False
    """somebody's terminal is to be connected to it"""
    tty: bool = False
    run_s_max: float = RUN_S_MAX
    state: JobState = "pending"
    stop_asked: bool = False
    incarnation: int = 0
    """of the memory that handed it over: after a restore nobody knows what became of it"""
    started_at_s: float | None = None
    ended_at_s: float | None = None
    code: int | None = None
    message: str = ""

    @property
    def final(self) -> bool:
        return self.state not in ("pending", "handed")


class JobEnd(msgspec.Struct, frozen=True):
    """What came of a job, for ever."""

    state: Literal["succeeded", "failed", "lost", "stopped"]
    message: str = ""
    code: int | None = None
    started_at_s: float | None = None
    ended_at_s: float | None = None


class JobOrder(msgspec.Struct, frozen=True):
    """Start this once. An id that was ever seen is not started again, whatever else it says."""

    id: JobId
    app: AppId
    app_name: str
    dyno: str
    spec: ProcessSpec
    run_s_max: float
    attached: bool = False
    tty: bool = False
    egress: Egress = INTERNET
    """the whole app's, as of `fence`: what was told earlier gives way"""
    fence: Fence = Fence(0, 0)
    level_min: Level | None = None
    """it is not started at a lower level of isolation"""


class JobFacts(msgspec.Struct, frozen=True):
    """What the supervisor knows of one id it has ever been told of.

    `lost`: it was to be started, and whether it ran to its end nobody can tell. An ended job
    without `exit` was stopped before it was started.
    """

    id: JobId
    app: AppId
    dyno: str
    state: Literal["running", "ended", "lost"]
    started_at_s: float | None = None
    ended_at_s: float | None = None
    exit: Exit | None = None
    stopping: bool = False
    last_lines: tuple[str, ...] = ()


# What planning.job_standing decides by, and what it may answer.


class JobWatch(msgspec.Struct, frozen=True):
    """One job that runs, as the supervisor has it before its eyes. Unix seconds.

    `away_at_s`: nobody has been at its terminal since; None for a job that has none, or somebody.
    """

    started_at_s: float
    run_s_max: float
    stop_at_s: float | None = None
    """it was told to end"""
    away_at_s: float | None = None
    hung_up: bool = False
    killed: bool = False
    late: bool = False
    """killed for taking too long"""


class HangUp(msgspec.Struct, frozen=True, tag=True):
    """SIGHUP: its terminal was closed."""

    because: str


class KillJob(msgspec.Struct, frozen=True, tag=True):
    """SIGKILL now. `late`: it had all the time it was given."""

    because: str
    late: bool = False


class JobActs(msgspec.Struct, frozen=True):
    """At most one act. `look_again_s`: seconds, or None."""

    act: HangUp | KillJob | None = None
    look_again_s: float | None = None
