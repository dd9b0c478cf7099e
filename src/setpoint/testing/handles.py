"""Instances on the simulated machine, as the supervisor starts, follows and finds them again."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from setpoint.drivers.local import facts as change
from setpoint.drivers.local.hindrance import check_level
from setpoint.drivers.local.names import HASH_CHARS, PORT_FIRST, HostName, InstanceName
from setpoint.drivers.local.readiness import Readiness
from setpoint.drivers.local.records import Record
from setpoint.drivers.local.running import UNKNOWN_CODE
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Ending, Found, Handle, Reports
from setpoint.drivers.local.table import Standing
from setpoint.model.ids import AppId, InstanceId
from setpoint.model.level import Level
from setpoint.model.process import Endpoint, ProbeSeen, ProcessKind, SetOrder, StartKind
from setpoint.planning.standing import probe_due
from setpoint.testing.disk import SimDisk
from setpoint.testing.folders import SimFolder
from setpoint.testing.machine import Machine, Proc
from setpoint.testing.programs import BREAKING, BY_DIGEST

if TYPE_CHECKING:
    from setpoint.testing.parts import Parts


class SimHandle:
    """A `drivers.local.seams.Handle`: a process of the simulated machine. `cleared`: called once it
    has ended and that was told."""

    def __init__(
        self,
        app: AppId,
        name: HostName,
        machine: Machine,
        life: "Parts",
        to: Reports,
        cleared: Callable[["SimHandle"], None],
    ) -> None:
        self.app = app
        self.name = name
        self.identity: Identity | None = None
        self.killed = self.doomed = self.short = False
        self.how = ""
        self.kind: StartKind = "fresh"
        self.footing: tuple[int, ...] = ()
        self.last_lines: Sequence[str] = ()
        self._machine = machine
        self._life = life
        self._reports = to
        self._cleared = cleared
        self._readiness: SimReadiness | None = None
        self._terminated = self._ended = False

    @property
    def id(self) -> InstanceId:
        return self.name.id

    def began(self) -> None:
        """The start is through."""
        self.identity = self._machine.procs[self.id].identity
        self._reports.started(self)
        if self.killed:
            self.kill()
        elif self._terminated:
            self.terminate()
        self.look()

    def take_over(self, identity: Identity) -> None:
        self.identity = identity
        self._life.pulse.call_soon(self.look)

    def look(self) -> None:
        """Something may have happened to it."""
        proc = self._machine.procs.get(self.id)
        if proc is None or proc.code is not None:
            self._gone(proc)
        elif self._readiness is not None:
            self._readiness.look()

    def _gone(self, proc: Proc | None) -> None:
        if self._ended:
            return
        self._ended = True
        code = UNKNOWN_CODE if proc is None or proc.code is None else proc.code
        self._reports.ended(self, Ending(code, known=proc is not None))
        self._cleared(self)

    def await_ready(self, readiness: Readiness) -> None:
        assert isinstance(readiness, SimReadiness)
        self._readiness = readiness
        readiness.watch(lambda: self._reports.ready(self))

    def ask_again(self) -> None:
        if self._readiness is not None:
            self._readiness.look()

    def probed(self, seen: ProbeSeen) -> None:
        self._reports.probed(self, seen)

    def in_hand(self) -> int:
        return self._machine.in_hand(self.id) if self.name.port else 0

    def queued(self) -> int:
        """Everything accepts at once here."""
        return 0

    def watch_memory(self, short: Callable[[], None]) -> None:
        """Nothing needs more than it may have here."""

    def answer_short(self, queue: str, reply: bytes) -> int:
        raise AssertionError("nothing needs more memory than it may have")

    def terminate(self) -> None:
        """As with all signals: nobody gets it before it is known who that is."""
        self._terminated = True
        if self.identity is not None:
            self._life.point()
            self._machine.term(self.id)
            self._life.point()

    def hang_up(self) -> None:
        """Nobody has a terminal here."""

    def kill(self) -> None:
        self.killed = True
        if self.identity is not None:
            self._life.point()
            self._machine.kill(self.id)
            self._life.point()


class SimReadiness:
    """It listens, and `content` with its answer. `says`: nobody can see that, it says so once."""

    def __init__(
        self,
        machine: Machine,
        id: InstanceId,
        content: Callable[[], bool],
        life: "Parts",
        *,
        says: bool,
    ) -> None:
        self._machine = machine
        self._id = id
        self._content = content
        self._life = life
        self._says = says
        self._ready: Callable[[], None] | None = None

    def watch(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._life.pulse.call_soon(self.look)

    def stop(self) -> None:
        self._ready = None

    def look(self) -> None:
        proc, ready = self._machine.procs.get(self._id), self._ready
        if ready is None or proc is None or not proc.ready or (self._says and proc.heard):
            return
        if self._content():
            self._ready = None
            ready()
            proc.heard = True


class SimLauncher:
    """A `drivers.local.seams.Launching`."""

    def __init__(
        self,
        machine: Machine,
        records: SimFolder,
        disk: SimDisk,
        level: Callable[[], Level],
        life: "Parts",
    ) -> None:
        self._machine = machine
        self._records = records
        self._disk = disk
        self._level = level
        self._life = life
        self.live: dict[InstanceId, SimHandle] = {}

    def start(self, standing: Standing, ordinal: int, reports: Reports) -> SimHandle:
        order = standing.order
        assert order is not None
        what = f"{order.key.process} of {order.app_name}"
        check_level(what, order.level_min, self._level())
        name = self._name(order, ordinal)
        running = self._handle(order.key.app, name, reports)
        running.footing = self.footing(order)
        before = standing.facts
        standing.facts = change.started(before, name.id, ordinal, self._life.clock.now_s())
        try:
            self.keep(standing, running)
        except OSError:
            standing.facts = before
            del self.live[name.id]
            raise
        self._life.point()
        self._begin(order, name, standing.environment)
        self._life.point()
        self._life.pulse.call_soon(running.began)
        running.await_ready(self.readiness(standing, running, order.spec.kind, 0.0))
        return running

    def adopt(
        self, app: AppId, name: InstanceName, identity: Identity, reports: Reports
    ) -> SimHandle:
        running = self._handle(app, name, reports)
        running.take_over(identity)
        return running

    def keep(self, standing: Standing, running: Handle) -> None:
        instance = change.find(standing.facts, running.id)
        if instance is not None:
            kind = standing.order.spec.kind if standing.order is not None else "worker"
            apart_s = self._life.clock.apart_s
            how = (running.identity, running.doomed, running.footing, apart_s)
            record = Record(standing.key, kind, instance, *how)
            name = f"{running.app}@{running.name}"
            self._records.write(name, msgspec.json.encode(record))

    def readiness(
        self, standing: Standing, running: Handle, kind: ProcessKind, since_s: float
    ) -> "SimReadiness":
        def content() -> bool:
            seen = _seen(standing, self._machine.procs[running.id])
            if seen is not None:
                running.probed(seen)
            elif standing.socket is not None:
                self._life.queues.take_all(standing.key)
            return seen is None

        says = kind == "function"
        return SimReadiness(self._machine, running.id, content, self._life, says=says)

    def endpoint(self, running: Handle) -> Endpoint | None:
        port = running.name.port
        return Endpoint("ip", "10.0.0.1", port) if port else None

    def proven(self, standing: Standing, running: Handle, took_s: float) -> None:
        """The next one takes as long."""

    def _handle(self, app: AppId, name: InstanceName, reports: Reports) -> SimHandle:
        running = SimHandle(app, name, self._machine, self._life, reports, self._clear)
        self.live[name.id] = running
        return running

    def _clear(self, running: SimHandle) -> None:
        self.live.pop(running.id, None)
        self._records.remove(f"{running.app}@{running.name}")
        self._machine.reap(running.id)

    def _name(self, order: SetOrder, ordinal: int) -> InstanceName:
        key, number = order.key, self._machine.next_number()
        port = PORT_FIRST + number if order.spec.kind == "web" else 0
        hash = key.spec_hash[:HASH_CHARS]
        return InstanceName(key.process, hash, ordinal, f"{number:06x}", port)

    def _begin(self, order: SetOrder, name: InstanceName, environment: dict[str, str]) -> None:
        program = BY_DIGEST[order.spec.code]
        fate = "exits" if environment.get(BREAKING) == "1" else program.fate
        who = (order.key.app, str(name))
        self._machine.start(name.id, program.boot_s, fate, program.stop_s, program.errs_s, who)
        self._machine.procs[name.id].footing = self._disk.laid[order.spec.code]

    def footing(self, order: SetOrder) -> tuple[int, ...]:
        return (self._disk.laid[order.spec.code] + 1,)


def _seen(standing: Standing, proc: Proc) -> ProbeSeen | None:
    """Why what listens does not count as ready; None if it does."""
    order = standing.order
    probe = probe_due(order, standing.facts) if order is not None else None
    if probe is None or proc.status < probe.status_below:
        return None
    return ProbeSeen(f"answered {proc.status} to GET {probe.path}", proc.status, "a stack trace")


class SimRemains:
    """A `drivers.local.seams.Remains`."""

    def __init__(self, machine: Machine, records: SimFolder) -> None:
        self._machine = machine
        self._records = records

    def living(self) -> Found:
        running = (p for p in self._machine.procs.values() if p.code is None)
        return {(p.app, p.name): p.identity for p in running if p.name}

    def recorded(self) -> Iterator[tuple[AppId, InstanceName, Record]]:
        for stem in self._records.names():
            app, _, rest = stem.partition("@")
            name = InstanceName.parse(rest)
            assert name is not None, stem
            yield AppId(app), name, msgspec.json.decode(self._records.read(stem), type=Record)

    def ordered(self, order: SetOrder) -> None:
        """There is no network."""

    def admit(self, app: AppId, name: InstanceName) -> None:
        """Everything can be reached."""

    def end(self, identity: Identity) -> None:
        self._machine.kill_by(identity)

    def clear(self, app: AppId, name: InstanceName) -> None:
        self.drop(app, name)
        self._machine.reap(name.id)

    def drop(self, app: AppId, name: InstanceName) -> None:
        self._records.remove(f"{app}@{name}")

    def sweep(self, living: list[str]) -> None:
        """Records are written whole."""
