"""What is: the planner's second argument, one value per app, put together by the observer."""

import msgspec

from setpoint.model.process import SetFacts
from setpoint.model.release import Build, Release
from setpoint.model.route import RouteFacts


class Observed(msgspec.Struct, frozen=True):
    """`builds`: facts for this app's sources. `releases`: newest first, bounded."""

    builds: tuple[Build, ...] = ()
    releases: tuple[Release, ...] = ()
    sets: tuple[SetFacts, ...] = ()
    route: RouteFacts | None = None
