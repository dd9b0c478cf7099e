"""Turns a job's order into something that runs, and a record of an earlier supervisor into it too.

The same sandbox, user and network as the app's instances; no set, no readiness, no route.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.files import write_whole
from setpoint.drivers.local.ground import Ground, reopened
from setpoint.drivers.local.hindrance import TooLow
from setpoint.drivers.local.names import JobName
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import Running
from setpoint.drivers.local.sandbox import Identity, Launch
from setpoint.drivers.local.seams import Handle, Reports
from setpoint.drivers.local.shelf import Shelf
from setpoint.drivers.local.terminals import SIZE, JobTerminal, set_size
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId
from setpoint.model.job import JobOrder, JobWatch

IN_A_TERMINAL = ("/usr/bin/setsid", "--ctty", "--wait")
"""A session of its own with the terminal as its own, so that Ctrl-C reaches it and nobody else."""

SitDown = Callable[[int | None, int, bool], JobTerminal]
"""(way in, output, adopted) -> what somebody far away can attach to"""


class JobRecord(msgspec.Struct, frozen=True):
    """What a later supervisor adopts it by. `identity` None: it was about to be started.
    `apart_s`: of the clock that `watch` goes by."""

    order: JobOrder
    watch: JobWatch
    identity: Identity | None = None
    apart_s: float | None = None


@dataclass(frozen=True)
class _Streams:
    """Descriptors for the job's side, closed here once it has them."""

    stdin: int | None = None
    terminal: int | None = None


@dataclass(frozen=True)
class JobLauncher:
    """`port`: one that nothing of the app was told to listen on."""

    ground: Ground
    port: Callable[[AppId], int]
    shelf: Shelf
    clock: Clock

    def files(self, app: AppId, name: JobName) -> Files:
        folder = self.ground.paths.jobs
        folder.mkdir(mode=0o711, exist_ok=True)
        return Files(folder, app, name)

    def check(self, order: JobOrder) -> None:
        try:
            self.ground.check_level(f"{order.dyno} of {order.app_name}", order.level_min)
        except TooLow as error:
            raise Transient(error.message) from None

    def start(
        self,
        order: JobOrder,
        environment: Mapping[str, str],
        watch: JobWatch,
        to: Reports,
        sit_down: SitDown,
    ) -> Running:
        """Raises Transient, Terminal or OSError."""
        name = JobName(order.id, order.dyno)
        files = self.files(order.app, name)
        with contextlib.ExitStack() as theirs:
            outflow, streams = self._streams(order, files, sit_down, theirs)
            running = Running(self.ground.confinement, order.app, name, files, outflow, to)
            try:
                self.keep(running, order, watch)
                launch = self._launch(order, environment, name, files, streams)
                running.begun(sandbox.begin(self.ground.confinement, launch))
            except BaseException:
                running.abandon()
                self.shelf.drop(_shelf_name(order))
                raise
        return running

    def adopt(self, order: JobOrder, identity: Identity, to: Reports, sit_down: SitDown) -> Running:
        """Raises OSError where its output cannot be read any more."""
        name = JobName(order.id, order.dyno)
        files = self.files(order.app, name)
        with contextlib.ExitStack() as undone:
            way_in = self.shelf.take_copy(_shelf_name(order)) if order.attached else None
            if way_in is not None:
                undone.callback(os.close, way_in)
            outflow: int | JobTerminal
            if way_in is not None and order.tty:
                outflow = sit_down(way_in, way_in, True)
            elif order.attached and not order.tty:
                outflow = sit_down(way_in, reopened(files.output, identity), True)
            else:
                outflow = reopened(files.output, identity)
            undone.pop_all()
        running = Running(self.ground.confinement, order.app, name, files, outflow, to)
        try:
            running.adopt(identity)
        except BaseException:
            running.abandon()
            raise
        return running

    def let_go(self, order: JobOrder) -> None:
        """Nobody types into it any more."""
        if order.attached:
            self.shelf.drop(_shelf_name(order))

    def _streams(
        self,
        order: JobOrder,
        files: Files,
        sit_down: SitDown,
        theirs: contextlib.ExitStack,
    ) -> tuple[int | JobTerminal, _Streams]:
        """Our side, and the job's. A copy of what is typed into lies on the shelf, so that a
        supervisor's death is no closed terminal."""
        if not order.attached:
            return sandbox.open_output(files.output), _Streams()
        with contextlib.ExitStack() as undone:
            inside, ours = reversed(os.openpty()) if order.tty else os.pipe()
            theirs.callback(os.close, inside)
            undone.callback(os.close, ours)
            undone.callback(self.let_go, order)
            self.shelf.put(_shelf_name(order), ours)
            if order.tty:
                set_size(ours, *SIZE)
                side, streams = sit_down(ours, ours, False), _Streams(terminal=inside)
            else:
                self._give(inside, order.app)
                output = sandbox.open_output(files.output)
                side, streams = sit_down(ours, output, False), _Streams(stdin=inside)
            undone.pop_all()
        return side, streams

    def _give(self, stdin: int, app: AppId) -> None:
        """To the app's user: programs open /dev/stdin anew."""
        uid = self.ground.uid(app)
        if uid is not None:
            os.fchown(stdin, uid, uid)

    def keep(self, running: Handle, order: JobOrder, watch: JobWatch) -> None:
        record = JobRecord(order, watch, running.identity, self.clock.apart_s)
        files = self.files(order.app, JobName(order.id, order.dyno))
        write_whole(files.record, msgspec.json.encode(record))

    def last_word(self, order: JobOrder) -> tuple[int, bool] | None:
        name = JobName(order.id, order.dyno)
        status = self.files(order.app, name).status
        return sandbox.read_exit(self.ground.confinement, order.app, str(name), status)

    def clear(self, order: JobOrder) -> None:
        name = JobName(order.id, order.dyno)
        files = self.files(order.app, name)
        with contextlib.suppress(OSError):  # whoever saw it run tries again
            sandbox.forget(self.ground.confinement, None, order.app, str(name), files.status)
        files.drop()

    def end(self, identity: Identity) -> None:
        sandbox.kill(self.ground.confinement, identity)

    def records(self) -> Iterator[JobRecord]:
        for path in sorted(self.ground.paths.jobs.glob("*.json")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                yield msgspec.json.decode(path.read_bytes(), type=JobRecord)

    def _launch(
        self,
        order: JobOrder,
        environment: Mapping[str, str],
        name: JobName,
        files: Files,
        streams: _Streams,
    ) -> Launch:
        launch = self.ground.launch(
            order.app, name, order.spec, environment, self.port(order.app), files
        )
        return replace(
            launch,
            argv=(*IN_A_TERMINAL, *launch.argv) if order.tty else launch.argv,
            stdin=streams.stdin,
            terminal=streams.terminal,
        )


def _shelf_name(order: JobOrder) -> str:
    return f"job-{order.id}"
