"""Turns an order into a running instance, and a record of an earlier supervisor into one too."""

import contextlib
import os
import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from setpoint.drivers.local import facts as change
from setpoint.drivers.local import probing, records, sandbox
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.names import HASH_CHARS, HostName, InstanceName, next_port
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.readiness import (
    WORKER_STEADY_S,
    PortAnswers,
    ProbeAnswers,
    Readiness,
    SaysSo,
    StaysUp,
)
from setpoint.drivers.local.recipe import LISTENER_FD, NOTIFY_FD, Layers, recipe
from setpoint.drivers.local.records import Files, Record
from setpoint.drivers.local.running import Reports, Running
from setpoint.drivers.local.sandbox import Confinement, Identity, Launch
from setpoint.drivers.local.table import Standing, Table
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.model.ids import AppId
from setpoint.model.process import Endpoint, Instance, Phase, ProcessKind, ProcessSpec, SetOrder
from setpoint.planning.routes import HOST_SUFFIX
from setpoint.planning.standing import probe_due


@dataclass(frozen=True)
class Ground:
    """What every start stands on. `app_uid_first`: None where there is one uid for all."""

    confinement: Confinement
    paths: Paths
    layers: Layers
    lasting: Lasting
    app_uid_first: int | None
    ways_out: WaysOut

    def uid(self, app: AppId) -> int | None:
        """The app's own, or None where all are one."""
        if self.app_uid_first is None or self.confinement.uids is None:
            return None
        return self.app_uid_first + self.lasting.number(app)

    def launch(
        self,
        app: AppId,
        name: HostName,
        spec: ProcessSpec,
        environment: Mapping[str, str],
        port: int,
        files: Files,
    ) -> Launch:
        """`spec` within the app's walls; what is special about this start is the caller's to add.

        Raises Transient, Terminal or OSError.
        """
        confinement = self.confinement
        netns = self.ways_out.prepare(app)
        cooked = recipe(spec, environment, name.dyno, port, self.layers, confinement.inside)
        return Launch(
            name=str(name),
            app=app,
            argv=cooked.argv,
            env=cooked.env,
            cwd=cooked.cwd,
            binds=cooked.binds,
            uid=self.uid(app),
            memory_bytes_max=spec.memory_bytes_max,
            pids_max=spec.pids_max,
            cpu_weight=max(1, spec.cpu_weight * 100 // 1024),
            netns=netns,
            output=files.output,
            status=files.status,
            fds={},
            hostname=_hostname(name.dyno),
        )


class Launcher:
    def __init__(
        self, ground: Ground, table: Table, new_token: Callable[[], str], now_s: Callable[[], float]
    ) -> None:
        self._ground = ground
        self._table = table
        self._new_token = new_token
        self._now_s = now_s
        self._last_port: dict[AppId, int] = {}

    def start(self, standing: Standing, ordinal: int, reports: Reports) -> Running:
        """Raises Transient, Terminal or OSError. The instance is in the facts from here on."""
        order = standing.order
        assert order is not None
        name = self._name(order, ordinal)
        files = Files(self._ground.paths.instances, order.key.app, name)
        output = sandbox.open_output(files.output)
        running = Running(self._ground.confinement, order.key.app, name, files, output, reports)
        before = standing.facts
        standing.facts = change.started(before, name.id, ordinal, self._now_s())
        try:
            self.keep(standing, running)
            with self._descriptors(standing, files) as fds:
                running.begun(
                    sandbox.begin(self._ground.confinement, self._spec(standing, name, files, fds))
                )
        except BaseException:
            standing.facts = before
            running.abandon()
            raise
        kind = order.spec.kind
        running.await_ready(self.readiness(standing, running, kind, self._now_s()))
        return running

    def keep(self, standing: Standing, running: Running) -> None:
        """Write down what a later supervisor needs to know of this instance."""
        instance = change.find(standing.facts, running.id)
        if instance is not None:
            kind = _kind(standing.order, running.name)
            record = Record(standing.key, kind, instance, running.identity, running.doomed)
            records.keep(running.files, record)

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
        self, standing: Standing, running: Running, kind: ProcessKind, since_s: float
    ) -> Readiness:
        if kind == "web":
            endpoint = self.endpoint(running)
            assert endpoint is not None
            listens = PortAnswers(lambda: sandbox.connectable(endpoint))
            return ProbeAnswers(listens, lambda: _answers(standing, running, endpoint))
        if kind == "function":
            return SaysSo(running.files.notify)
        return StaysUp(since_s + WORKER_STEADY_S - self._now_s())

    def endpoint(self, running: Running) -> Endpoint | None:
        """Where the edge reaches it; None for what listens on no port."""
        return self._reached_at(running.app, running.name.port)

    def _reached_at(self, app: AppId, port: int) -> Endpoint | None:
        if not port:
            return None
        return sandbox.endpoint(self._ground.confinement, self._ground.paths.runtime, app, port)

    # --- one start ----------------------------------------------------------------------------

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
        os.mkfifo(files.notify, 0o600)
        notify = os.open(files.notify, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield {standing.socket.fileno(): LISTENER_FD, notify: NOTIFY_FD}
        finally:
            os.close(notify)


async def _answers(standing: Standing, running: Running, endpoint: Endpoint) -> bool:
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


def reopened(output: Path, identity: Identity) -> int:
    """The reading end again; where the FIFO's name is lost, by way of what still writes to it."""
    if not output.exists():
        with contextlib.suppress(OSError):
            flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(f"/proc/{identity.inner_pid}/fd/1", flags)
    return sandbox.open_output(output)


def _hostname(dyno: str) -> str:
    process, _, number = dyno.rpartition(".")
    return f"{process[:50]}-{number}".replace("_", "-").lower()


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
