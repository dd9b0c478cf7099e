"""What is: the planner's second argument, one value per app, put together by the observer."""

import msgspec

from setpoint.model.capability import Unmet
from setpoint.model.process import SetFacts
from setpoint.model.release import Build, Release
from setpoint.model.route import RouteFacts
from setpoint.model.steps import Waiting


class Observed(msgspec.Struct, frozen=True):
    """`builds`: facts for this app's sources. `releases`: newest first, bounded."""

    builds: tuple[Build, ...] = ()
    releases: tuple[Release, ...] = ()
    sets: tuple[SetFacts, ...] = ()
    route: RouteFacts | None = None


class StatusSummary(msgspec.Struct, frozen=True):
    """What a pass concluded and last saw, kept with the status so that views need not look."""

    waiting: tuple[Waiting, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    sets: tuple[SetFacts, ...] = ()
    route: RouteFacts | None = None
