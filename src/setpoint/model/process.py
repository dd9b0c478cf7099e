"""Sets of instances: what an order asks of the supervisor, and the facts it reports back."""

from enum import StrEnum
from typing import Literal

import msgspec

from setpoint.model.app import CONCURRENCY, Probe, ProcessKind, Upkeep, UpkeepMode
from setpoint.model.egress import INTERNET, Egress
from setpoint.model.ids import Digest, Fence, InstanceId, SetKey
from setpoint.model.level import Level


class ProcessSpec(msgspec.Struct, frozen=True):
    """Everything that makes one instance what it is; its hash decides a replacement.

    `environment`: digest over (key, secret id, version), never values. `restarted_at_s` is in here
    because a restart is a replacement. Memory in bytes.
    """

    process: str
    kind: ProcessKind
    release: int
    code: Digest
    layer: Digest | None
    python: str
    folder: str
    command: str
    runtime: str
    environment: Digest
    size: str
    memory_bytes_max: int
    pids_max: int
    cpu_weight: int
    restarted_at_s: float | None = None
    concurrency: int = 0
    """of a function: how many invocations one instance runs at once; 0 for all else"""


class Bounds(msgspec.Struct, frozen=True):
    """The supervisor acts within these without asking. min == max is a fixed count.

    `concurrency`: requests that one instance is to have in hand at most, before there is another.
    """

    min: int
    max: int
    idle_s: float = 600.0
    boot_s_max: float = 60.0
    concurrency: int = CONCURRENCY

    def __str__(self) -> str:
        return str(self.max) if self.min == self.max else f"{self.min}..{self.max}"


class SetOrder(msgspec.Struct, frozen=True):
    """A standing order: keep this set within its bounds. Twice is nothing, older is refused."""

    key: SetKey
    app_name: str
    spec: ProcessSpec
    bounds: Bounds
    fence: Fence
    attempts_max: int = 3
    """consecutive starts that never got ready, after which `gave_up` is reported"""
    probe: Probe | None = None
    """what a web instance is asked before it counts as ready"""
    egress: Egress = INTERNET
    """the whole app's, live: changing it replaces nothing"""
    upkeep: Upkeep | None = None
    """without an end, which comes as another order: no clock of this side ends it"""
    level_min: Level | None = None
    """nothing of it is started at a lower level of isolation"""

    @property
    def mode(self) -> UpkeepMode:
        return self.upkeep.mode if self.upkeep is not None else "enforce"


class Phase(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    """takes no new work; the edge has been told; SIGTERM follows once it is out of the routes and
    has answered what it had in hand"""
    STOPPING = "stopping"
    """SIGTERM sent, grace running"""
    GONE = "gone"


StartKind = Literal["fork", "pool", "fresh"]
"""Of a process that had its packages loaded, from those that wait ready, or all by itself."""

EndpointKind = Literal["pipe", "relay", "veth", "netns", "ip"]


class Endpoint(msgspec.Struct, frozen=True):
    """Where the edge dials. `address`: a socket path for pipe and relay, an IP otherwise.

    `netns`: path of a pinned network namespace, for kind 'netns' only.
    """

    kind: EndpointKind
    address: str
    port: int = 0
    netns: str = ""


SIGKILL = 9


class Exit(msgspec.Struct, frozen=True):
    """How an instance ended. `code`: 0-255, or 128+signal. `at_s`: unix seconds."""

    code: int
    at_s: float
    oom: bool = False
    expected: bool = False
    """we asked it to stop"""
    timed_out: bool = False
    """it ran, but did not become ready in time, and was killed for that"""

    @property
    def from_outside(self) -> bool:
        """SIGKILL that neither we nor a memory limit sent: somebody else did, as far as can be
        told. (A program may also kill itself so; hardly one does.)"""
        ours = self.oom or self.expected or self.timed_out
        return self.code == 128 + SIGKILL and not ours

    @property
    def text(self) -> str:
        if self.timed_out:
            return "was not ready in time"
        if self.oom:
            return "ran out of memory and was killed"
        if self.from_outside:
            return f"was killed by an outsider (signal {SIGKILL})"
        if self.code > 128:
            return f"was killed by signal {self.code - 128}"
        return f"exited with code {self.code}"


class ProbeSeen(msgspec.Struct, frozen=True):
    """The last answer that was not good enough. `status`: HTTP's, 0 where none came.

    `fact`: 'answered 500 to GET /', 'did not answer GET / within 5 s'. `body`: its beginning.
    """

    fact: str
    status: int = 0
    body: str = ""


class Instance(msgspec.Struct, frozen=True):
    """One sandboxed process tree. `ordinal` gives the dyno name: web.1. Times are unix seconds."""

    id: InstanceId
    ordinal: int
    phase: Phase
    started_at_s: float
    ready_at_s: float | None = None
    endpoint: Endpoint | None = None
    exit: Exit | None = None
    stop_at_s: float | None = None
    """when draining or stopping began"""
    drained: bool = False
    """the edge confirmed that no new request can reach it"""
    in_hand: int = 0
    """while it drains: how many connections to it were open at the last look, idle ones excepted,
    which the edge closes as soon as it takes an instance out"""
    outdated: bool = False
    """what it was started from had been altered, and was laid again since"""


class Load(msgspec.Struct, frozen=True):
    """How many requests a set had in hand, as the edge told it then (unix seconds)."""

    at_s: float
    in_flight: int


class Adrift(msgspec.Struct, frozen=True):
    """What an outsider did and is not repaired yet. `subject`: a dyno, or what belongs to all of
    them. `since_s`: unix seconds. `failing`: why the last try to repair it came to nothing."""

    subject: str
    since_s: float
    failing: str = ""


class SetFacts(msgspec.Struct, frozen=True):
    """What the supervisor sees of one set, and what `standing.decide` reads.

    `failures`: consecutive starts that ended before they were ready. `waiting`: requests or
    readable sockets that want one more instance. `last_used_s`: last request seen, unix seconds.
    `last_lines`: the tail of the last failed start's own output.
    """

    key: SetKey
    fence: Fence
    bounds: Bounds
    release: int
    instances: tuple[Instance, ...] = ()
    failures: int = 0
    crashes: int = 0
    last_exit: Exit | None = None
    waiting: int = 0
    in_flight: int = 0
    loads: tuple[Load, ...] = ()
    """the last minute's, oldest first"""
    queued_since_s: float | None = None
    """since then each of a web app's instances has left connections waiting, at every look"""
    crowd: float = 0.0
    """so many requests in hand for each of them were too many when another was started for that;
    0: none ever was"""
    last_used_s: float = 0.0
    ever_ready: bool = False
    gave_up: bool = False
    retiring: bool = False
    """a remove was ordered; the facts stay until the last instance is gone"""
    last_lines: tuple[str, ...] = ()
    last_probe: ProbeSeen | None = None
    """what kept the last start from being ready, though it listened"""
    socket: Endpoint | None = None
    """a function's own listening socket: always there, whatever runs behind it"""
    upkeep: Upkeep | None = None
    """as it was ordered"""
    lost: int = 0
    """instances that outsiders ended since this generation was ordered, and no other replaced"""
    adrift: tuple[Adrift, ...] = ()
    """each subject once"""
    hindered: str = ""
    """what the machine lacked at the last try to start one: 'No space left on device'"""

    @property
    def ready(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if i.phase is Phase.READY)

    @property
    def up(self) -> tuple[Instance, ...]:
        """Serving, or about to: not on its way out."""
        return tuple(i for i in self.instances if i.phase in (Phase.STARTING, Phase.READY))

    @property
    def live(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if i.phase is not Phase.GONE)

    @property
    def at_rest(self) -> "SetFacts":
        """Without how busy it is, which changes with every request and is no news."""
        instances = self.instances
        if any(i.in_hand for i in instances):
            instances = tuple(msgspec.structs.replace(i, in_hand=0) for i in instances)
        return msgspec.structs.replace(
            self,
            instances=instances,
            waiting=0,
            in_flight=0,
            loads=(),
            queued_since_s=None,
            crowd=0.0,
            last_used_s=0.0,
        )


# What standing.decide may answer. The supervisor carries acts out and records them.


class Start(msgspec.Struct, frozen=True, tag=True):
    ordinal: int
    because: str


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Take it out of the routes, then stop it."""

    instance: InstanceId
    because: str


class Stop(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM now."""

    instance: InstanceId
    because: str


class Kill(msgspec.Struct, frozen=True, tag=True):
    """SIGKILL now: the grace is over."""

    instance: InstanceId
    because: str


class GiveUp(msgspec.Struct, frozen=True, tag=True):
    """Never got ready in `attempts_max` starts: report it, start no more until a new order."""

    because: str


Act = Start | Drain | Stop | Kill | GiveUp


class Acts(msgspec.Struct, frozen=True):
    """`look_again_s`: seconds after which to decide again even if no fact changes, or None."""

    acts: tuple[Act, ...] = ()
    look_again_s: float | None = None
