"""What the loop asks of the world. One conformance suite holds the simulated and the real driver.

Drivers are idempotent, keyed by our ids, fenced, adoptable after a crash; they decide nothing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from typing import Protocol

from setpoint.formats.control import Act, LogLine
from setpoint.formats.terminal import Frame, Place
from setpoint.model.app import SecretRef
from setpoint.model.capability import Capabilities
from setpoint.model.ids import AppId, BuildId, Fence, JobId, SetKey
from setpoint.model.job import JobOrder
from setpoint.model.log import EVERYTHING, LogFilter
from setpoint.model.observed import Seen
from setpoint.model.process import SetOrder
from setpoint.model.release import BuildRequest
from setpoint.model.retention import Clearance, Cleared, Stock
from setpoint.model.route import Route, RouteFacts


class Driver(Protocol):
    """Processes and builds. Every method may raise Transient or Terminal (model.errors).

    A lower fence than the highest seen for (app, process) raises Terminal.
    """

    async def probe(self) -> Capabilities: ...

    async def apply(self, order: SetOrder, environment: Mapping[str, str]) -> None:
        """Make `order` the standing order of its set. Twice is nothing."""
        ...

    async def remove(self, key: SetKey, fence: Fence) -> None:
        """Drain and stop the set's instances. Absent is success; returns before they are gone."""
        ...

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        """The full snapshot: every set there is (ours but unknown included), every build, and every
        job that runs or whose end may not have been recorded yet. `only`: what of it is these
        apps'."""
        ...

    async def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        """Start a job, unless its id was ever seen: then nothing, for ever. Returns at once.

        The id is on disk before anything of it runs.
        """
        ...

    async def stop_job(self, app: AppId, id: JobId) -> None:
        """SIGTERM, and SIGKILL after the grace. One that was never started is never started."""
        ...

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        """Start a build, or nothing if this id runs or has its verdict. Returns at once.

        `environment`: for the app's own commands in it; it reaches no log and no layer's key.
        One cut off through no fault of its own (`user_error` False) starts again under its id.
        """
        ...

    async def drop(self, app: AppId) -> None:
        """The app is forgotten: logs, layers' pins, namespaces of it may go. Absent is success."""
        ...

    async def stock(self) -> Stock:
        """All that lies on the disk, with its size and age. May take a while."""
        ...

    async def clear(self, clearance: Clearance) -> Cleared:
        """Remove these, but nothing that was made or used since, and nothing while a build is under
        way; trim the caches of tools. What is gone already is success."""
        ...

    async def acts(self, after: int) -> tuple[Act, ...]:
        """What standing orders did since act number `after`, oldest first.

        Numbers never go back, not even over a reboot: what was taken in is asked for no more.
        """
        ...

    def changes(self) -> AsyncIterator[AppId]:
        """Names of apps whose facts changed, for ever; after any gap, every known app once."""
        ...


class Edge(Protocol):
    """Routes. The edge learns endpoints from the supervisor by itself."""

    async def ensure_route(
        self,
        route: Route,
        invoke_key_ref: SecretRef | None,
        invoke_key: str,
        certificates: Mapping[str, str] = {},
    ) -> None:
        """`certificates`: 'id@version' -> PEM of what the route refers to."""
        ...

    async def remove_route(self, app: AppId, fence: Fence) -> None: ...

    async def observe(self, only: Collection[AppId]) -> tuple[RouteFacts, ...]:
        """The routes of these apps."""
        ...

    def everything(self) -> AsyncGenerator[tuple[RouteFacts, ...]]:
        """Every route there is, a part at a time: there may be very many. Each as it is when its
        part is told; one that comes meanwhile may be missing."""
        ...

    def changes(self) -> AsyncIterator[AppId]: ...


class Tails(Protocol):
    """Streams that go from a door straight to the supervisor's files, outside the loop."""

    def logs(
        self, app: AppId, lines: int, follow: bool, only: LogFilter = EVERYTHING
    ) -> AsyncGenerator[LogLine, None]:
        """The last `lines` that `only` lets through, oldest first; with `follow` then every new one
        for ever."""
        ...

    def build_output(self, build: BuildId, follow: bool) -> AsyncGenerator[bytes, None]:
        """A build's output so far; with `follow` until the build ends."""
        ...


class Attachment(Protocol):
    """One visit at a job's terminal. `at`: the first byte of output that comes.

    `input_taken`: how many bytes of input the job has had.
    """

    at: int
    input_taken: int

    async def receive(self) -> Frame:
        """The next word from the job's side. Raises Transient when the line breaks."""
        ...

    async def send(self, frame: Frame) -> None:
        """Returns when there is room for more. Raises Transient when the line breaks."""
        ...

    async def close(self) -> None: ...


class Terminals(Protocol):
    """Where somebody sits down at a running job; straight to the supervisor, outside the loop."""

    async def attach(self, app: AppId, job: JobId, place: Place) -> Attachment:
        """`place`: how far whoever comes is. Raises Transient while it is not started yet,
        Terminal where it has none, has ended, or somebody sits there already."""
        ...
