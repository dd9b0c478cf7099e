"""One instance in this supervisor's hands, whether it was started here or adopted.

It watches: the start coming through, output, readiness, the end. What that means for the set is
`hands`' matter, told through `Reports`.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.hindrance import hindrance
from setpoint.drivers.local.names import HostName
from setpoint.drivers.local.pipes import OutputPipe
from setpoint.drivers.local.readiness import ProbeAnswers, Readiness
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.sandbox import Confinement, Identity, Starting, UnderWay
from setpoint.drivers.local.seams import Ending, Reports
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId, InstanceId
from setpoint.model.process import ProbeSeen, StartKind

FORGET_S = 0.01
FORGET_TRIES = 500
"""An instance's cgroup can be removed once its last process is reaped: tried for 5 s."""
TERMINATE_AGAIN_S = 0.01
BURIED_S = 0.005
BURIED_TRIES = 200
"""One second: then its parent is gone too, or does not answer."""
CANNOT_EXECUTE = 126
UNKNOWN_CODE = 137
"""For an end nobody saw: it was killed together with what watched it."""


class Outflow(Protocol):
    """Where its output goes until it has ended."""

    @property
    def last_lines(self) -> Iterable[str]: ...

    def close(self) -> None:
        """Nothing more can come: take what is left."""
        ...


class Running:
    """`output`: the reading end of its output, or who reads it already.

    `doomed`: killed for not getting ready in time. `footing`: the folders of its layers as it was
    started, by inode; () where that is not known.
    """

    def __init__(
        self,
        confinement: Confinement,
        app: AppId,
        name: HostName,
        files: Files,
        output: int | Outflow,
        to: Reports,
    ) -> None:
        self.app = app
        self.name = name
        self.files = files
        self.identity: Identity | None = None
        self.doomed = False
        self.footing: tuple[int, ...] = ()
        self.killed = False
        self.short = False
        """it needed more memory than it may have, and its callers were told"""
        self.how = ""
        """how it was started, where there is something to tell of it"""
        self.kind: StartKind = "fresh"
        self._terminated = False
        self._handed_over = False
        self._watched: set[int] = set()
        self._confinement = confinement
        self._reports = to
        self._loop = asyncio.get_running_loop()
        self._readiness: Readiness | None = None
        self._pipe: Outflow = (
            OutputPipe(
                output,
                lambda lines: to.output(self, lines),
                lambda count: to.output_lost(self, count),
            )
            if isinstance(output, int)
            else output
        )

    @property
    def id(self) -> InstanceId:
        return self.name.id

    @property
    def last_lines(self) -> Sequence[str]:
        return tuple(self._pipe.last_lines)

    # --- beginning ----------------------------------------------------------------------------

    def begun(self, starting: UnderWay, otherwise: Callable[[str], Starting] | None = None) -> None:
        """It is on its way; it is started once bubblewrap has said what it made, or the child of
        a zygote who it is. `otherwise`: told why not, another way to start it."""

        def said() -> None:
            self._loop.remove_reader(starting.fd)
            try:
                identity = starting.finish()
            except (DriverError, OSError) as error:
                self.not_begun(error, otherwise)
            else:
                self._started(identity)

        self._loop.add_reader(starting.fd, said)

    def not_begun(
        self,
        error: DriverError | OSError,
        otherwise: Callable[[str], Starting] | None = None,
    ) -> None:
        if otherwise is not None and not self.killed:
            try:
                return self.begun(otherwise(str(error)))
            except (DriverError, OSError) as again:
                error = again
        failure, lacks = str(error), hindrance(error)
        self._end(Ending(CANNOT_EXECUTE, failure=failure, hindrance=lacks))
        return None

    def abandon(self) -> None:
        """It could not even be forked."""
        self._pipe.close()
        self.files.drop()

    def adopt(self, identity: Identity) -> None:
        self.identity = identity
        self.watch_end(identity)

    def await_ready(self, readiness: Readiness) -> None:
        self._readiness = readiness
        readiness.watch(lambda: self._reports.ready(self))

    def probed(self, seen: ProbeSeen) -> None:
        self._reports.probed(self, seen)

    def ask_again(self) -> None:
        """What it is asked may have changed."""
        if isinstance(self._readiness, ProbeAnswers):
            self._readiness.again()

    def _started(self, identity: Identity) -> None:
        self.identity = identity
        self._reports.started(self)
        self.watch_end(identity)
        if self.killed:
            sandbox.kill(self._confinement, identity)
        elif self._terminated:
            self.terminate()

    def watch_memory(self, short: Callable[[], None]) -> None:
        """`short`: called once it sleeps for want of memory. Whoever is called ends it."""

        def told() -> None:
            if sandbox.shortage.is_short(self._confinement, self.app, self._started_as):
                short()
            else:
                self.watch_memory(short)

        fd = sandbox.shortage.watch(self._confinement, self.app, self._started_as)
        if fd is not None:
            self.when_readable(fd, told)

    def answer_short(self, queue: str, reply: bytes) -> int:
        """To whoever waits for it; then it is ended. How many were told."""
        assert self.identity is not None
        self.short = True
        self.killed = True
        return sandbox.shortage.end(self._confinement, self.identity, queue, reply)

    # --- signals ------------------------------------------------------------------------------

    def terminate(self) -> None:
        """Again and again where bubblewrap is not so far yet: it heeds no SIGTERM itself."""
        self._terminated = True
        if self.identity is not None and not sandbox.terminate(self._confinement, self.identity):
            self._loop.call_later(TERMINATE_AGAIN_S, self.terminate)

    @property
    def _started_as(self) -> str:
        return (self.identity.name if self.identity is not None else "") or str(self.name)

    def in_hand(self) -> int:
        """Connections to its port that are open: once the edge sends it nothing new, these are the
        requests that wait for their answer."""
        if self.identity is None or not self.name.port:
            return 0
        return sandbox.ports.established(self.identity, self.name.port)

    def queued(self) -> int:
        """Connections to its port that it has not accepted yet."""
        if self.identity is None or not self.name.port:
            return 0
        return sandbox.ports.queued(self.identity, self.name.port)

    def hang_up(self) -> None:
        if self.identity is not None:
            sandbox.terminate(self._confinement, self.identity, signal.SIGHUP)

    def kill(self) -> None:
        self.killed = True
        if self.identity is not None:
            sandbox.kill(self._confinement, self.identity)

    # --- end ----------------------------------------------------------------------------------

    def watch_end(self, identity: Identity) -> None:
        fd = sandbox.open_pidfd(identity)
        if fd is None:
            self._loop.call_soon(self.gone)
        else:
            self.when_readable(fd, lambda: self._watch_rest(identity))

    def hand_over(self) -> Identity:
        """To who it is from now on: here nothing is watched or read any more."""
        assert self.identity is not None
        self._pipe.close()
        self._watch_no_more()
        self._handed_over = True
        return replace(self.identity, name=str(self.name))

    def _watch_no_more(self) -> None:
        for fd in self._watched:
            self._loop.remove_reader(fd)
            os.close(fd)
        self._watched.clear()

    def _watch_rest(self, identity: Identity) -> None:
        """The main process has ended. What it left behind keeps the sandbox alive, so that goes."""
        if identity.group:
            sandbox.kill(self._confinement, identity)
            return self._when_buried(identity, BURIED_TRIES)
        try:
            rest = os.pidfd_open(identity.inner_pid)
        except ProcessLookupError:
            return self.gone()
        if not sandbox.alive(identity):
            os.close(rest)
            return self.gone()
        sandbox.kill(self._confinement, identity)
        return self.when_readable(rest, self.gone)

    def _when_buried(self, identity: Identity, tries: int) -> None:
        """Its parent writes the exit code, and only then lets go of it."""
        if tries and sandbox.unburied(identity):
            self._loop.call_later(BURIED_S, self._when_buried, identity, tries - 1)
        else:
            self.gone()

    def when_readable(self, fd: int, then: Callable[[], None]) -> None:
        def readable() -> None:
            self._watched.discard(fd)
            self._loop.remove_reader(fd)
            os.close(fd)
            then()

        self._watched.add(fd)
        self._loop.add_reader(fd, readable)

    def gone(self) -> None:
        if self.identity is not None and self.identity.group:
            sandbox.kill(self._confinement, self.identity)
        seen = sandbox.read_exit(self._confinement, self.app, self._started_as, self.files.status)
        code, oom = seen if seen is not None else (UNKNOWN_CODE, False)
        self._end(Ending(code, oom or self.short, known=seen is not None))

    def _end(self, ending: Ending) -> None:
        if self._handed_over:
            return
        if self._readiness is not None:
            self._readiness.stop()
        self._pipe.close()
        self._watch_no_more()
        self._clear(FORGET_TRIES)
        self._reports.ended(self, ending)  # before its files go, for whoever writes it down
        if not self._reports.keeps:
            self.files.drop()

    def _clear(self, tries: int) -> None:
        name, status = self._started_as, self.files.status
        cleared = False
        with contextlib.suppress(OSError):
            cleared = sandbox.forget(self._confinement, self.identity, self.app, name, status)
        if not cleared and tries:
            self._loop.call_later(FORGET_S, self._clear, tries - 1)
