"""All that memory holds of a Setpoint and its apps, to be looked at or rehearsed elsewhere.

Never in it: a config value, an invoke key, the command of a one-off job, or anything that an app
or a tool wrote. Config vars are there by name, with the reference to a version of their value.
"""

import msgspec

from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import UnitChange
from setpoint.model.condition import Condition
from setpoint.model.history import Took
from setpoint.model.job import Job
from setpoint.model.journal import Entry
from setpoint.model.observed import StatusSummary
from setpoint.model.release import Build, Release

FORMAT = 1
"""Raised when a reader of the one before would take something for what it is not."""


class AppSnapshot(msgspec.Struct, frozen=True):
    """One app. `releases`, `jobs`, `changes`, `entries`: the newest, newest first. `fields`: which
    Change set each live path. `took`: of those Changes that came to be so. `seen`: the world as
    last looked at, at `seen_at_s` (unix seconds).
    """

    unit: Unit
    releases: tuple[Release, ...] = ()
    builds: tuple[Build, ...] = ()
    jobs: tuple[Job, ...] = ()
    changes: tuple[UnitChange, ...] = ()
    took: tuple[Took, ...] = ()
    entries: tuple[Entry, ...] = ()
    fields: dict[str, int] = {}
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    seen: StatusSummary = StatusSummary()
    seen_at_s: float | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """`version`: of the Setpoint it was taken of. `at_s`: when, unix seconds. `unread`: names of
    apps that are left out, for something of theirs cannot be read."""

    format: int
    version: str
    at_s: float
    capabilities: Capabilities
    apps: tuple[AppSnapshot, ...] = ()
    unread: tuple[str, ...] = ()
