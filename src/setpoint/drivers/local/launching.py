"""Turns an order into a running instance, and a record of an earlier supervisor into one too."""

import contextlib
import os
import socket
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts as change
from setpoint.drivers.local import probing, records, sandbox
from setpoint.drivers.local.ground import Ground, reopened
from setpoint.drivers.local.names import HASH_CHARS, HostName, InstanceName, next_port
from setpoint.drivers.local.readiness import (
    WORKER_STEADY_S,
    PortAnswers,
    ProbeAnswers,
    Readiness,
    SaysSo,
    StaysUp,
)
from setpoint.drivers.local.recipe import LISTENER_FD, NOTIFY_FD
from setpoint.drivers.local.records import Files, Record
from setpoint.drivers.local.running import Running
from setpoint.drivers.local.sandbox import Identity, Launch, Starting, UnderWay
from setpoint.drivers.local.seams import Handle, Reports
from setpoint.drivers.local.spares import Spare, Spares
from setpoint.drivers.local.table import Standing, Table
from setpoint.drivers.local.tally import Tally
from setpoint.drivers.local.zygotes import Zygotes
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId
from setpoint.model.process import Endpoint, Instance, Phase, ProcessKind, SetOrder
from setpoint.planning.routes import HOST_SUFFIX
from setpoint.planning.standing import probe_due

FORKED = "by a fork of one that has its packages loaded"
TAKEN = "from one that waited with the runtime loaded"


class Launcher:
    def __init__(
        self,
        ground: Ground,
        table: Table,
        zygotes: Zygotes,
        spares: Spares,
        tally: Tally,
        new_token: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._ground = ground
        self._table = table
        self._zygotes = zygotes
        self._spares = spares
        self._tally = tally
        self._new_token = new_token
        self._clock = clock
        self._now_s = clock.now_s
        self._last_port: dict[AppId, int] = {}

    def start(self, standing: Standing, ordinal: int, reports: Reports) -> Running:
        """Raises Transient, Terminal or OSError. The instance is in the facts from here on."""
        order = standing.order
        assert order is not None
        self._ground.check_level(f"{order.key.process} of {order.app_name}", order.level_min)
        name = self._name(order, ordinal)
        files = Files(self._ground.paths.instances, order.key.app, name)
        spare = self._spares.take(order, standing.environment, name.dyno, files)
        output = sandbox.open_output(files.output)
        running = Running(self._ground.confinement, order.key.app, name, files, output, reports)
        running.footing = self._ground.footing(order.spec)
        before = standing.facts
        standing.facts = change.started(before, name.id, ordinal, self._now_s())
        try:
            self.keep(standing, running)
            self._begin(standing, running, name, spare)
        except BaseException:
            standing.facts = before
            running.abandon()
            if isinstance(spare, Spare):
                spare.house.kill()
            raise
        kind = order.spec.kind
        running.await_ready(self.readiness(standing, running, kind, self._now_s()))
        return running

    def keep(self, standing: Standing, running: Handle) -> None:
        """Write down what a later supervisor needs to know of this instance."""
        instance = change.find(standing.facts, running.id)
        if instance is not None:
            kind = _kind(standing.order, running.name)
            how = (running.identity, running.doomed, running.footing, self._clock.apart_s)
            record = Record(standing.key, kind, instance, *how)
            records.keep(self._files(running), record)

    def adopt(
        self, app: AppId, name: InstanceName, identity: Identity, reports: Reports
    ) -> Running:
        files = Files(self._ground.paths.instances, app, name)
        output = reopened(files.output, identity)
        running = Running(self._ground.confinement, app, name, files, output, reports)
        self._last_port[app] = max(self._last_port.get(app, 0), name.port)
        running.adopt(identity)
        return running

    def readiness(
        self, standing: Standing, running: Handle, kind: ProcessKind, since_s: float
    ) -> Readiness:
        if kind == "web":
            endpoint = self.endpoint(running)
            assert endpoint is not None
            listens = PortAnswers(lambda: sandbox.connectable(endpoint))
            return ProbeAnswers(listens, lambda: _answers(standing, running, endpoint))
        if kind == "function":
            return SaysSo(
                self._files(running).notify,
                lambda said: self._imported(standing, said),
                lambda said: self._tally.served(standing.key, said),
            )
        return StaysUp(since_s + WORKER_STEADY_S - self._now_s())

    def _files(self, running: Handle) -> Files:
        return Files(self._ground.paths.instances, running.app, running.name)

    def _imported(self, standing: Standing, told: bytes) -> None:
        if standing.order is not None:
            self._zygotes.imported(standing.order, told)

    def endpoint(self, running: Handle) -> Endpoint | None:
        """Where the edge reaches it; None for what listens on no port."""
        return self._reached_at(running.app, running.name.port)

    def _reached_at(self, app: AppId, port: int) -> Endpoint | None:
        if not port:
            return None
        return sandbox.endpoint(self._ground.confinement, self._ground.paths.runtime, app, port)

    def proven(self, standing: Standing, running: Handle, took_s: float) -> None:
        """It got ready: what it took may spare the next one time."""
        self._tally.started(standing.key, running.kind, took_s)
        if standing.order is not None:
            self._zygotes.proven(standing.order)
            self._spares.proven(standing.order)

    # --- one start ----------------------------------------------------------------------------

    def _begin(
        self, standing: Standing, running: Running, name: InstanceName, spare: Spare | str
    ) -> None:
        """In its turn."""
        assert standing.order is not None
        begin = partial(self._begin_now, standing, running, name, spare)

        def later() -> None:
            try:
                begin()
            except (DriverError, OSError) as error:
                running.not_begun(error)

        called = standing.facts.waiting > 0
        if isinstance(spare, Spare) or not self._zygotes.queue(standing.order, called, later):
            begin()

    def _begin_now(
        self, standing: Standing, running: Running, name: InstanceName, spare: Spare | str
    ) -> None:
        """From one that waits or by a fork where that can be, else as a process of its own."""
        assert standing.order is not None

        def fresh(why: str) -> Starting:
            running.how = f"as a process of its own: {why}" if why else ""
            running.kind = "fresh"
            with self._descriptors(standing, running.files) as fds:
                spec = self._spec(standing, name, running.files, fds)
                return sandbox.begin(self._ground.confinement, spec)

        started: UnderWay | str = spare if isinstance(spare, str) else ""
        if isinstance(spare, Spare) or self._zygotes.may_fork(standing.order.spec):
            with self._descriptors(standing, running.files) as fds:
                spec = self._spec(standing, name, running.files, fds)
                if isinstance(spare, Spare):
                    running.how, running.kind = TAKEN, "pool"
                    started = self._spares.become(spare, spec)
                else:
                    running.how, running.kind = FORKED, "fork"
                    started = self._zygotes.fork(standing.order, spec)
        if isinstance(started, str):
            running.begun(fresh(started))
        else:
            running.begun(started, otherwise=fresh)

    def _name(self, order: SetOrder, ordinal: int) -> InstanceName:
        key = order.key
        port = self.port(key.app) if order.spec.kind == "web" else 0
        hash = key.spec_hash[:HASH_CHARS]
        return InstanceName(key.process, hash, ordinal, self._new_token(), port)

    def port(self, app: AppId) -> int:
        """Unique in the app; on the whole machine where all share one network."""
        shared = self._ground.confinement.ingress == "ip"
        taken = self._table.all_ports() if shared else self._table.ports(app)
        port = next_port(self._last_port.get(app, 0), taken)
        while shared and not _free(port):
            port = next_port(port, taken)
        self._last_port[app] = port
        return port

    def _spec(
        self, standing: Standing, name: InstanceName, files: Files, fds: dict[int, int]
    ) -> Launch:
        ground, order = self._ground, standing.order
        assert order is not None
        app = order.key.app
        launch = ground.launch(app, name, order.spec, standing.environment, name.port, files)
        return replace(launch, fds=fds, ingress=self._reached_at(app, name.port))

    @contextlib.contextmanager
    def _descriptors(self, standing: Standing, files: Files) -> Generator[dict[int, int]]:
        """Host descriptor -> number inside: a function's queue, and where it tells of itself."""
        if standing.socket is None:
            yield {}
            return
        with contextlib.suppress(FileExistsError):  # a second way to start the same one
            os.mkfifo(files.notify, 0o600)
        notify = os.open(files.notify, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield {standing.socket.fileno(): LISTENER_FD, notify: NOTIFY_FD}
        finally:
            os.close(notify)


async def _answers(standing: Standing, running: Handle, endpoint: Endpoint) -> bool:
    """As the order wants it now, which may be a newer one than it was started by."""
    order = standing.order
    probe = probe_due(order, standing.facts) if order is not None else None
    if order is None or probe is None:
        return True
    seen = await probing.ask(endpoint, f"{order.app_name}.{HOST_SUFFIX}", probe)
    if seen is not None:
        running.probed(seen)
    return seen is None


def _kind(order: SetOrder | None, name: HostName) -> ProcessKind:
    if order is not None:
        return order.spec.kind
    return "web" if name.port else "worker"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def as_found(name: InstanceName, now_s: float) -> Instance:
    """What is known of an instance whose record is lost: it runs, and did before."""
    return Instance(name.id, name.ordinal, Phase.STARTING, started_at_s=now_s)
