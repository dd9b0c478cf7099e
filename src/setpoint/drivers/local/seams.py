"""Where the supervisor's decisions meet the machine, so that they can stand on another one.

On this machine `launching`, `job_launching`, `remains`, `sockets`, `zygotes`, `spares` and `logs`
lie behind it. The simulated world has a machine of its own, and runs the rest as it is here.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from setpoint.drivers.local.names import HostName, InstanceName
from setpoint.drivers.local.readiness import Readiness
from setpoint.drivers.local.records import Record
from setpoint.drivers.local.sandbox import Identity
from setpoint.formats.control import LogLine
from setpoint.model.ids import AppId, InstanceId, SetKey
from setpoint.model.job import JobOrder, JobWatch
from setpoint.model.process import Endpoint, ProbeSeen, ProcessKind, SetOrder, StartKind

if TYPE_CHECKING:
    from setpoint.drivers.local.job_launching import JobRecord, SitDown
    from setpoint.drivers.local.table import Standing

Watch = Literal["off", "at once", "when busy"]
Found = dict[tuple[str, str], Identity]
"""(app, name) -> identity, as the machine itself tells it"""


class Timers(Protocol):
    """Of an event loop, what decisions need."""

    def time(self) -> float: ...

    def call_soon(self, callback: Callable[..., object], *args: Any) -> asyncio.Handle: ...

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any
    ) -> asyncio.TimerHandle: ...


@dataclass(frozen=True)
class Ending:
    """`failure`: why it could not be started at all; `hindrance`: what the machine lacked for it.
    `known` False: nobody saw how it ended."""

    code: int
    oom: bool = False
    failure: str = ""
    known: bool = True
    hindrance: str = ""


class Handle(Protocol):
    """One instance, or job, in this supervisor's hands. What it tells goes to its `Reports`.

    `identity` None: its start is not through yet. `doomed`: killed for not getting ready in time.
    `short`: it needed more memory than it may have. `how`, `kind`: the way it was started.
    `footing`: the folders of its layers as it was started; () where that is not known.
    """

    app: AppId
    name: HostName
    identity: Identity | None
    killed: bool
    doomed: bool
    short: bool
    how: str
    kind: StartKind
    footing: tuple[int, ...]

    @property
    def id(self) -> InstanceId: ...

    @property
    def last_lines(self) -> Sequence[str]: ...

    def await_ready(self, readiness: Readiness) -> None: ...

    def ask_again(self) -> None:
        """What it is asked before it counts as ready may have changed."""
        ...

    def probed(self, seen: ProbeSeen) -> None:
        """It was asked, and was not content."""
        ...

    def in_hand(self) -> int:
        """Requests that wait for its answer."""
        ...

    def queued(self) -> int:
        """Connections that it has not accepted yet."""
        ...

    def watch_memory(self, short: Callable[[], None]) -> None: ...

    def answer_short(self, queue: str, reply: bytes) -> int:
        """To whoever waits for it; then it is ended. How many were told."""
        ...

    def terminate(self) -> None: ...

    def hang_up(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Reports:
    started: Callable[[Handle], None]
    output: Callable[[Handle, Sequence[str]], None]
    output_lost: Callable[[Handle, int], None]
    ready: Callable[[Handle], None]
    ended: Callable[[Handle, Ending], None]
    probed: Callable[[Handle, ProbeSeen], None] = lambda running, seen: None
    """it listens, and did not answer well enough"""
    keeps: bool = False
    """whoever hears of its end needs its files beyond that, and has them cleared"""


class Launching(Protocol):
    def start(self, standing: "Standing", ordinal: int, reports: Reports) -> Handle:
        """Raises Transient, Terminal or OSError. The instance is in the facts from here on."""
        ...

    def adopt(
        self, app: AppId, name: InstanceName, identity: Identity, reports: Reports
    ) -> Handle: ...

    def keep(self, standing: "Standing", running: Handle) -> None:
        """Write down what a later supervisor needs to know of this instance."""
        ...

    def readiness(
        self, standing: "Standing", running: Handle, kind: ProcessKind, since_s: float
    ) -> Readiness: ...

    def endpoint(self, running: Handle) -> Endpoint | None:
        """Where the edge reaches it; None for what listens on no port."""
        ...

    def proven(self, standing: "Standing", running: Handle, took_s: float) -> None: ...


class JobLaunching(Protocol):
    def check(self, order: JobOrder) -> None:
        """Raises Transient while it may not run here: whoever gave the order looks again, and
        finds out by what is offered."""
        ...

    def start(
        self,
        order: JobOrder,
        environment: Mapping[str, str],
        watch: JobWatch,
        to: Reports,
        sit_down: "SitDown",
    ) -> Handle:
        """Raises Transient, Terminal or OSError."""
        ...

    def adopt(
        self, order: JobOrder, identity: Identity, to: Reports, sit_down: "SitDown"
    ) -> Handle:
        """Raises OSError where its output cannot be read any more."""
        ...

    def let_go(self, order: JobOrder) -> None: ...

    def keep(self, running: Handle, order: JobOrder, watch: JobWatch) -> None: ...

    def records(self) -> "Iterator[JobRecord]": ...

    def last_word(self, order: JobOrder) -> tuple[int, bool] | None:
        """(code, out of memory) of one that ended and was not seen to; None: it left no word."""
        ...

    def clear(self, order: JobOrder) -> None:
        """What is left of one that ended."""
        ...

    def end(self, identity: Identity) -> None: ...


class Remains(Protocol):
    """What the supervisor before has left on this machine."""

    def living(self) -> Found:
        """All that runs of ours: instances, jobs, and what waits to become one."""
        ...

    def recorded(self) -> Iterator[tuple[AppId, InstanceName, Record]]: ...

    def ordered(self, order: SetOrder) -> None:
        """How its app may reach others."""
        ...

    def admit(self, app: AppId, name: InstanceName) -> None:
        """Raises DriverError or OSError where nothing could reach it any more."""
        ...

    def end(self, identity: Identity) -> None: ...

    def clear(self, app: AppId, name: InstanceName) -> None:
        """Of one that never came to run."""
        ...

    def drop(self, app: AppId, name: InstanceName) -> None:
        """Its files."""
        ...

    def sweep(self, living: list[str]) -> None:
        """Whatever belongs to nobody, `living` being all that runs, as 'app@name'."""
        ...


class Queue(Protocol):
    """Where a function's requests wait. `fresh`: made anew, so that instances which hold an older
    one can get none. `lost`: '' while callers reach it, else how it was lost."""

    fresh: bool

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def lost(self) -> str: ...

    @property
    def name(self) -> str: ...

    def fileno(self) -> int: ...

    def watch(self, how: Watch, on_demand: Callable[[], None]) -> None:
        """Call `on_demand` once when the queue wants one more instance."""
        ...

    def queued(self) -> bool: ...

    def close(self) -> None: ...


class Queues(Protocol):
    def check_room(self, open_: int) -> None:
        """For one more beside so many. Raises Terminal."""
        ...

    def open(self, key: SetKey) -> Queue:
        """Raises OSError."""
        ...

    def found(self) -> AbstractContextManager[None]:
        """While many are opened that an earlier supervisor left."""
        ...

    def drop(self, key: SetKey) -> None:
        """Raises OSError."""
        ...


class Networks(Protocol):
    """What keeps each app in, and what it is reached by. `mend`: called with each app of which
    somebody else took something of that away, or let it loose."""

    mend: Callable[[AppId], object]

    def unpinned(self, apps: Iterable[AppId]) -> list[AppId]:
        """Those of them that a new instance could not join."""
        ...

    def prepare(self, app: AppId) -> Path | None:
        """The app's namespace, made, adopted or repaired. Raises Transient or Terminal."""
        ...


T_Kind = TypeVar("T_Kind", contravariant=True)
T_Name = TypeVar("T_Name", contravariant=True)


class Ahead(Protocol[T_Kind, T_Name]):
    """What is started ahead of time: to be forked, or to become an instance."""

    def adopt(self, app: AppId, name: T_Name, identity: Identity) -> None: ...

    def keep(self, kinds: Iterable[T_Kind]) -> None:
        """No others."""
        ...

    def check_unused(self, app: AppId) -> None:
        """Raises Transient while one of the app is left, and ends it."""
        ...

    async def stop(self) -> None: ...


class Resumed(Ahead[T_Kind, T_Name], Protocol[T_Kind, T_Name]):
    def resume(self, orders: Iterable[SetOrder]) -> None:
        """Begin again what the supervisor before had."""
        ...


class LogSink(Protocol):
    def append(self, app: AppId, lines: Sequence[LogLine]) -> None: ...
