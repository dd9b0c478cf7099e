"""Turns a job's order into something that runs, and a record of an earlier supervisor into it too.

The same sandbox, user and network as the app's instances; no set, no readiness, no route.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.files import write_whole
from setpoint.drivers.local.launching import Ground, reopened
from setpoint.drivers.local.names import JobName
from setpoint.drivers.local.recipe import recipe
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import Reports, Running
from setpoint.drivers.local.sandbox import Identity, Launch
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import JobOrder, JobWatch


class JobRecord(msgspec.Struct, frozen=True):
    """What a later supervisor adopts it by. `identity` None: it was about to be started."""

    order: JobOrder
    watch: JobWatch
    identity: Identity | None = None


@dataclass(frozen=True)
class JobLauncher:
    """`port`: one that nothing of the app was told to listen on."""

    ground: Ground
    port: Callable[[AppId], int]

    def files(self, app: AppId, name: JobName) -> Files:
        folder = self.ground.paths.jobs
        folder.mkdir(mode=0o711, exist_ok=True)
        return Files(folder, app, name)

    def start(
        self, order: JobOrder, environment: Mapping[str, str], watch: JobWatch, to: Reports
    ) -> Running:
        """Raises Transient, Terminal or OSError."""
        name = JobName(order.id, order.dyno)
        files = self.files(order.app, name)
        output = sandbox.open_output(files.output)
        running = Running(self.ground.confinement, order.app, name, files, output, to)
        try:
            self.keep(running, order, watch)
            launch = self._launch(order, environment, name, files)
            running.begun(sandbox.begin(self.ground.confinement, launch))
        except BaseException:
            running.abandon()
            raise
        return running

    def adopt(self, order: JobOrder, identity: Identity, to: Reports) -> Running:
        """Raises OSError where its output cannot be read any more."""
        name = JobName(order.id, order.dyno)
        files = self.files(order.app, name)
        output = reopened(files.output, identity)
        running = Running(self.ground.confinement, order.app, name, files, output, to)
        running.adopt(identity)
        return running

    def keep(self, running: Running, order: JobOrder, watch: JobWatch) -> None:
        record = JobRecord(order, watch, running.identity)
        write_whole(running.files.record, msgspec.json.encode(record))

    def records(self) -> Iterator[tuple[JobId, JobRecord]]:
        for path in sorted(self.ground.paths.jobs.glob("*.json")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                record = msgspec.json.decode(path.read_bytes(), type=JobRecord)
                yield record.order.id, record

    def _launch(
        self, order: JobOrder, environment: Mapping[str, str], name: JobName, files: Files
    ) -> Launch:
        ground, spec, app = self.ground, order.spec, order.app
        netns = sandbox.prepare_app(ground.confinement, ground.paths.runtime, app)
        cooked = recipe(
            spec, environment, name.dyno, self.port(app), ground.layers, ground.confinement.inside
        )
        return Launch(
            name=str(name),
            app=app,
            argv=cooked.argv,
            env=cooked.env,
            cwd=cooked.cwd,
            binds=cooked.binds,
            uid=ground.uid(app),
            memory_bytes_max=spec.memory_bytes_max,
            pids_max=spec.pids_max,
            cpu_weight=max(1, spec.cpu_weight * 100 // 1024),
            netns=netns,
            output=files.output,
            status=files.status,
            fds={},
            hostname=name.dyno.replace(".", "-"),
        )
