"""What is: the planner's second argument, one value per app, put together by the observer."""

from collections.abc import Collection

import msgspec

from setpoint.model.capability import Unmet
from setpoint.model.ids import AppId
from setpoint.model.job import Job, JobFacts
from setpoint.model.layer import Altered
from setpoint.model.process import SetFacts
from setpoint.model.release import Build, Release
from setpoint.model.route import RouteFacts
from setpoint.model.steps import Drift, Waiting


class Uptime(msgspec.Struct, frozen=True, array_like=True):
    """How far back what runs can reach: `boot` is another each time the machine is started, `stop`
    each time Setpoint was stopped with its apps. Empty: nobody noted it."""

    boot: str = ""
    stop: str = ""

    def ended(self, earlier: "Uptime") -> str:
        """What ended all that ran in an earlier one, or ''."""
        if not earlier.boot or self == earlier:
            return ""
        if self.boot != earlier.boot:
            return "the machine was started anew"
        return "Setpoint was stopped"


class Observed(msgspec.Struct, frozen=True):
    """`builds`: facts for this app's sources. `releases`: newest first, bounded; always with the
    one that is to be gone back to. `jobs`: every one that has not ended in memory's eyes, and the
    newest of the others; `job_facts`: what the driver knows of them. `settled_generation`: the
    newest of which everything once was so, in the uptime `settled_in`; what is gone since, no
    Change took away, and in the same `uptime` nobody of ours. `altered`: layers that outsiders
    altered, of whatever app. `clock_ahead_s`: so far the clock jumped that is not believed yet."""

    builds: tuple[Build, ...] = ()
    releases: tuple[Release, ...] = ()
    sets: tuple[SetFacts, ...] = ()
    route: RouteFacts | None = None
    jobs: tuple[Job, ...] = ()
    job_facts: tuple[JobFacts, ...] = ()
    settled_generation: int = 0
    settled_in: Uptime = Uptime()
    uptime: Uptime = Uptime()
    altered: tuple[Altered, ...] = ()
    clock_ahead_s: float = 0.0


class Seen(msgspec.Struct, frozen=True):
    """One full look at what a driver keeps: everything there is, ours but unknown included."""

    sets: tuple[SetFacts, ...] = ()
    builds: tuple[Build, ...] = ()
    jobs: tuple[JobFacts, ...] = ()
    altered: tuple[Altered, ...] = ()

    def of(self, apps: Collection[AppId] | None) -> "Seen":
        """What of it is these apps'; None: all. Layers are nobody's alone."""
        if apps is None:
            return self
        return Seen(
            tuple(s for s in self.sets if s.key.app in apps),
            tuple(b for b in self.builds if b.app in apps),
            tuple(j for j in self.jobs if j.app in apps),
            self.altered,
        )


class StatusSummary(msgspec.Struct, frozen=True):
    """What a pass concluded and last saw, kept with the status so that views need not look."""

    waiting: tuple[Waiting, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    sets: tuple[SetFacts, ...] = ()
    route: RouteFacts | None = None
    jobs: tuple[JobFacts, ...] = ()
    settled_generation: int = 0
    settled_in: Uptime = Uptime()
    drift: tuple[Drift, ...] = ()
