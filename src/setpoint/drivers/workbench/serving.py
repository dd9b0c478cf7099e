"""Serves one function until somebody has had enough: its files are watched, and each change begins
it anew. The listening socket is ours, so whoever calls meanwhile waits, and never meets old code.
"""

import json
import select
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.workbench.runtime import DECIDES, Function
from setpoint.drivers.workbench.watching import Watched
from setpoint.drivers.workbench.worker import EXIT_UNLOADABLE, Worker
from setpoint.model.errors import SetpointError

LOOK_S = 0.25
DRAIN_S_MAX = 30.0
"""for what a worker has in hand when another takes over"""
END_S_MAX = 5.0
HEAD_BYTES_MAX = 65536
SILENT_S_MAX = 2.0


@dataclass(frozen=True)
class Told:
    """What `Serving` tells of: `ready` after so many seconds, or a sentence."""

    line: Callable[[str], None]
    trouble: Callable[[str], None]
    ready: Callable[[Function, float], None]


class Serving:
    """`prepare`: what it runs on, asked again when a file changed that decides on it. `env`: its
    variables, asked at each start."""

    def __init__(
        self,
        folder: Path,
        listener: socket.socket,
        prepare: Callable[[Path], Function],
        env: Callable[[], Mapping[str, str]],
        told: Told,
    ) -> None:
        self._folder = folder
        self._listener = listener
        self._prepare = prepare
        self._env = env
        self._told = told
        self._worker: Worker | None = None
        self._written: frozenset[str] = frozenset()
        self._leaving: list[tuple[Worker, float]] = []
        self._began_s = 0.0

    def run(self) -> None:
        """Until an exception, as Ctrl-C is one; then nothing of it is left. Raises what `prepare`
        raises, the first time."""
        self._function = self._prepare(self._folder)
        self._watched = Watched(self._folder, self._function.made)
        try:
            self._begin()
            while True:
                self._attend()
                self._bury()
                if changed := self._changed():
                    self._begin_anew(changed)
        finally:
            self._end()

    # --- a change -------------------------------------------------------------------------------

    def _changed(self) -> frozenset[str]:
        """Once nothing changes any more: an editor writes in several steps."""
        changed, self._written = self._written, frozenset()
        changed |= (now := self._watched.changed())
        while now:
            time.sleep(LOOK_S)
            now = self._watched.changed()
            changed |= now
        return changed

    def _begin_anew(self, changed: frozenset[str]) -> None:
        first, *others = sorted(changed)
        more = f" and {len(others)} more" if others else ""
        if self._worker is not None:
            self._worker.drain()
            self._leaving.append((self._worker, time.monotonic() + DRAIN_S_MAX))
            self._worker = None
        self._told.line(f"{first}{more} changed")
        if changed & DECIDES and not self._prepared():
            return
        self._begin()

    def _prepared(self) -> bool:
        """What is wrong now may be right after the next change."""
        try:
            self._function = self._prepare(self._folder)
        except (SetpointError, OSError, UnicodeError) as error:
            self._told.trouble(str(error))
            return False
        self._watched.apart = self._function.made
        return True

    def _begin(self) -> None:
        self._began_s = time.monotonic()
        try:
            if self._function.build and not self._built():
                return
            self._worker = Worker(self._function, self._listener, self._env())
        except (SetpointError, OSError) as error:
            self._told.trouble(str(error))

    def _built(self) -> bool:
        """By the project's own script, which says itself what is wrong."""
        done = subprocess.run(
            self._function.build, cwd=self._folder, stdin=subprocess.DEVNULL, check=False
        )
        self._written = self._watched.built()
        if done.returncode:
            self._told.trouble("its build script failed; it begins anew with the next change")
        return done.returncode == 0

    # --- while it serves ------------------------------------------------------------------------

    def _attend(self) -> None:
        """What happens before the next look at the files."""
        worker = self._worker
        if worker is None:
            if select.select([self._listener], [], [], LOOK_S)[0]:
                self._refuse_one()
            return
        if worker.got_ready(LOOK_S):
            self._told.ready(self._function, time.monotonic() - self._began_s)
        code = worker.code()
        if code is not None:
            self._ended(worker, code)

    def _ended(self, worker: Worker, code: int) -> None:
        """Nobody asked it to. One that was ready before is started again, as it would be when it
        is deployed."""
        worker.end()
        self._worker = None
        if worker.was_ready:
            self._told.trouble(f"it ended with code {code}, and is started again")
            self._begin()
        elif code == EXIT_UNLOADABLE:
            self._told.trouble("it cannot be loaded; it begins anew with the next change")
        else:
            self._told.trouble(f"it ended with code {code}; it begins anew with the next change")

    def _refuse_one(self) -> None:
        """Nobody is there to answer: better a word than silence."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        text = f"{self._function.id} cannot be started; the terminal it was started in tells why"
        body = json.dumps({"id": "not_started", "message": text}).encode()
        head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        try:
            with connection:
                connection.settimeout(SILENT_S_MAX)
                connection.recv(HEAD_BYTES_MAX)
                connection.sendall(head.encode() + body)
        except OSError:
            pass  # the caller has gone

    # --- ends -----------------------------------------------------------------------------------

    def _bury(self) -> None:
        now_s = time.monotonic()
        for worker, until_s in list(self._leaving):
            if worker.code() is not None or now_s > until_s:
                worker.end()
                self._leaving.remove((worker, until_s))

    def _end(self) -> None:
        """What runs may finish, for a moment; a second Ctrl-C ends that."""
        workers = [worker for worker, _ in self._leaving]
        if self._worker is not None:
            workers.append(self._worker)
        until_s = time.monotonic() + END_S_MAX
        try:
            for worker in workers:
                worker.drain()
            while any(w.code() is None for w in workers) and time.monotonic() < until_s:
                time.sleep(0.02)
        finally:
            for worker in workers:
                worker.end()
