"""Typed messages between the plane's processes, over unix sockets.

Framing: one JSON object per line. A caller sends one request per line and gets one reply per line,
in order. `Subscribe`, `SubscribeRoutes` and a `ReadLogs` that follows turn the connection into a
stream of events until closed, `AttachJob` into one of terminal frames.
The listener checks the peer's uid (SO_PEERCRED) before it reads a byte.
"""

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.capability import Capabilities
from setpoint.model.errors import DriverError, Stale, Terminal, Transient
from setpoint.model.figures import EdgeFigures, Figures
from setpoint.model.ids import AppId, Fence, InstanceId, JobId, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.layer import Altered
from setpoint.model.log import EVERYTHING, LogFilter
from setpoint.model.process import SetFacts, SetOrder
from setpoint.model.release import Build, BuildRequest
from setpoint.model.retention import Clearance, Cleared, Stock
from setpoint.model.route import Route, RouteFacts

LINE_BYTES_MAX = 64 * 1024 * 1024
"""500 config values of 64 KiB each, base64-free JSON, fit with room to spare."""


# --- to the supervisor ------------------------------------------------------------------------


class Probe(msgspec.Struct, frozen=True, tag=True):
    """-> Probed"""


class ApplySet(msgspec.Struct, frozen=True, tag=True):
    """Replace the standing order of one set. -> Done | Failed(kind='stale')"""

    order: SetOrder
    environment: dict[str, str]


class RemoveSet(msgspec.Struct, frozen=True, tag=True):
    """-> Done | Failed(kind='stale'). Absent is success."""

    key: SetKey
    fence: Fence


class Observe(msgspec.Struct, frozen=True, tag=True):
    """-> Snapshot; `apps`: of these only"""

    apps: frozenset[AppId] | None = None


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """-> one FactsChanged per set, `SnapshotEnd`, then a FactsChanged per change for ever"""


class Demand(msgspec.Struct, frozen=True, tag=True):
    """The edge holds `waiting` requests for this set (absolute, not a difference). -> Done"""

    key: SetKey
    waiting: int


class Activity(msgspec.Struct, frozen=True, tag=True):
    """What the edge saw of this set since the last report. -> Done. `last_used_s`: unix seconds."""

    key: SetKey
    in_flight: int
    last_used_s: float


class Drained(msgspec.Struct, frozen=True, tag=True):
    """The edge confirmed: no new request can reach this instance. -> Done"""

    instance: InstanceId


class RunBuild(msgspec.Struct, frozen=True, tag=True):
    """Idempotent by build id. `archive`: path of the uploaded tar.gz. -> Done

    `packs`: paths of uploaded buildpacks, by digest.
    `environment`: for the app's own commands; the builder itself does not get it.
    """

    request: BuildRequest
    archive: str
    environment: dict[str, str] = {}
    packs: dict[str, str] = {}


class ExecJob(msgspec.Struct, frozen=True, tag=True):
    """Start it, unless its id was ever seen. -> Done, once the id is on disk"""

    order: JobOrder
    environment: dict[str, str]


class EndJob(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM, then SIGKILL; never started if it was not yet. -> Done"""

    app: AppId
    id: JobId


class AttachJob(msgspec.Struct, frozen=True, tag=True):
    """Sit down at its terminal, having `taken` so many bytes of its output and `typed` so many.

    -> Attached, and from then on frames of `formats.terminal` in both directions.
    """

    app: AppId
    id: JobId
    taken: int = 0
    typed: int = 0


class ReadActs(msgspec.Struct, frozen=True, tag=True):
    """Standing acts not yet taken into the journal, oldest first, after `after`. -> ActLog"""

    after: int = 0


class ReadLogs(msgspec.Struct, frozen=True, tag=True):
    """The last `lines` of one app that `only` lets through. -> Logs. With `follow` it then streams
    LogLine for ever."""

    app: AppId
    lines: int = 100
    follow: bool = False
    only: LogFilter = EVERYTHING


class AppendLog(msgspec.Struct, frozen=True, tag=True):
    """A line from the plane about an app (router, build, api). -> Done"""

    app: AppId
    lines: tuple["LogLine", ...]


class DropApp(msgspec.Struct, frozen=True, tag=True):
    """The app is gone for good: its logs, builds, namespace and uid can go. -> Done"""

    app: AppId


class TakeStock(msgspec.Struct, frozen=True, tag=True):
    """What lies on the disk? -> Stocked. Takes a while: on a connection of its own."""


class ClearAway(msgspec.Struct, frozen=True, tag=True):
    """-> ClearedAway. Layers, builds and caches; sources are the daemon's. Takes a while, too."""

    clearance: Clearance


class ReadFigures(msgspec.Struct, frozen=True, tag=True):
    """-> Counted; `weigh`: with how much memory the instances of these have now"""

    weigh: frozenset[AppId] = frozenset()


class StopAll(msgspec.Struct, frozen=True, tag=True):
    """Setpoint goes down with its apps: stop every instance, orders stay on disk. -> Done"""


COLLECTOR_BYTES_MAX = LINE_BYTES_MAX
INSPECTION_BYTES_MAX = LINE_BYTES_MAX


class CollectorJob(msgspec.Struct, frozen=True):
    """To the collector's process: folders, and what to remove; None: only look."""

    layers: str
    builds: str
    sources: str
    cache: str
    clearance: Clearance | None


class Inspection(msgspec.Struct, frozen=True):
    """To the inspector's process. `layers`: their folder; `wanted`: names of those to look at,
    'code-<digest>'. `inodes`: of folders that something runs on; what was set aside and is none of
    them goes after `aside_s_min` seconds."""

    layers: str
    wanted: tuple[str, ...]
    inodes: tuple[int, ...]
    aside_s_min: float


# --- to the edge agent ------------------------------------------------------------------------


class SetRoute(msgspec.Struct, frozen=True, tag=True):
    """-> Done | Failed(kind='stale'). `invoke_key`: plaintext for Envoy; never logged."""

    route: Route
    invoke_key_ref: SecretRef | None = None
    invoke_key: str = ""
    certificates: dict[str, str] = {}
    """'id@version' -> chain and key of what the route names, as PEM; never logged"""


class DropRoute(msgspec.Struct, frozen=True, tag=True):
    """-> Done. Absent is success."""

    app: AppId
    fence: Fence


class ObserveRoutes(msgspec.Struct, frozen=True, tag=True):
    """-> Routes; `apps`: of these only. `part`: at most so many an answer, and Routes again and
    again as long as there are `more`."""

    apps: frozenset[AppId] | None = None
    part: int | None = None


class SubscribeRoutes(msgspec.Struct, frozen=True, tag=True):
    """-> RouteChanged for ever: acked, refused or dropped"""


class ReadAnswered(msgspec.Struct, frozen=True, tag=True):
    """-> Answered; `apps`: of these only"""

    apps: frozenset[AppId] | None = None


Request = (
    Probe
    | ApplySet
    | RemoveSet
    | Observe
    | Subscribe
    | Demand
    | Activity
    | Drained
    | RunBuild
    | ExecJob
    | EndJob
    | AttachJob
    | ReadActs
    | ReadLogs
    | AppendLog
    | DropApp
    | TakeStock
    | ClearAway
    | ReadFigures
    | StopAll
    | SetRoute
    | DropRoute
    | ObserveRoutes
    | SubscribeRoutes
    | ReadAnswered
)


# --- replies and events -----------------------------------------------------------------------


class Done(msgspec.Struct, frozen=True, tag=True):
    pass


class Failed(msgspec.Struct, frozen=True, tag=True):
    """`kind`: 'stale' (fence), 'transient', 'terminal'. `message`: `cannot <verb> <what>: ...`."""

    kind: str
    message: str


class Attached(msgspec.Struct, frozen=True, tag=True):
    """`at`: the first byte of output that will come. `input_taken`: bytes the job has had."""

    at: int
    input_taken: int


class Probed(msgspec.Struct, frozen=True, tag=True):
    capabilities: Capabilities


class Snapshot(msgspec.Struct, frozen=True, tag=True):
    """Everything the supervisor knows, at one moment."""

    sets: tuple[SetFacts, ...]
    builds: tuple[Build, ...]
    jobs: tuple[JobFacts, ...] = ()
    altered: tuple[Altered, ...] = ()


class FactsChanged(msgspec.Struct, frozen=True, tag=True):
    """`facts` None: the set is gone. For builds `key.process` is '' and facts None."""

    app: AppId
    key: SetKey | None = None
    facts: SetFacts | None = None


class SnapshotEnd(msgspec.Struct, frozen=True, tag=True):
    pass


class Act(msgspec.Struct, frozen=True, tag=True):
    """One thing a standing order did, with its numbers in `because`. `at_s`: unix seconds."""

    seq: int
    app: AppId
    process: str
    verb: str
    subject: str
    because: str
    at_s: float
    generation: int
    count: int = 1


class ActLog(msgspec.Struct, frozen=True, tag=True):
    acts: tuple[Act, ...]


class LogLine(msgspec.Struct, frozen=True, tag=True):
    """`source`: 'app' or 'heroku'; `dyno`: 'web.1', 'router', 'build', 'api'. Unix seconds."""

    at_s: float
    source: str
    dyno: str
    text: str

    def kept_by(self, only: LogFilter) -> bool:
        return only.keeps(self.source, self.dyno, self.at_s)


class Logs(msgspec.Struct, frozen=True, tag=True):
    lines: tuple[LogLine, ...]


class Stocked(msgspec.Struct, frozen=True, tag=True):
    stock: Stock


class ClearedAway(msgspec.Struct, frozen=True, tag=True):
    cleared: Cleared


class Counted(msgspec.Struct, frozen=True, tag=True):
    figures: Figures


class Answered(msgspec.Struct, frozen=True, tag=True):
    figures: EdgeFigures


class Routes(msgspec.Struct, frozen=True, tag=True):
    routes: tuple[RouteFacts, ...]
    more: bool = False


class RouteChanged(msgspec.Struct, frozen=True, tag=True):
    app: AppId


Reply = (
    Done
    | Failed
    | Attached
    | Probed
    | Snapshot
    | ActLog
    | Logs
    | Stocked
    | ClearedAway
    | Counted
    | Answered
    | Routes
)
Event = FactsChanged | SnapshotEnd | LogLine | RouteChanged

_encoder = msgspec.json.Encoder()
_requests = msgspec.json.Decoder(Request)
_replies = msgspec.json.Decoder(Reply | Event)


def encode(message: Request | Reply | Event) -> bytes:
    return _encoder.encode(message) + b"\n"


def failed(error: DriverError) -> Failed:
    """An error as the caller is told of it; `raised` makes one of it again."""
    if isinstance(error, Stale):
        return Failed("stale", str(error))
    return Failed("transient" if isinstance(error, Transient) else "terminal", str(error))


def raised(reply: Failed) -> DriverError:
    kind = {"stale": Stale, "transient": Transient}.get(reply.kind, Terminal)
    return kind(reply.message)


def decode_request(line: bytes) -> Request:
    """Raises msgspec.DecodeError on anything that is not exactly one known request."""
    return _requests.decode(line)


def decode_reply(line: bytes) -> Reply | Event:
    """Raises msgspec.DecodeError."""
    return _replies.decode(line)
