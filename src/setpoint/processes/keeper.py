"""The keeper: starts the plane's processes, holds a copy of every listening socket, restarts.

Stdlib only and no policy, so that it never needs an upgrade in a hurry. It is a child subreaper:
what its children leave behind is reaped here. It listens on the keeper socket for one JSON line:
`{"do": "down" | "restart" | "status", ...}` and answers in JSON lines. Its children may leave
descriptors with it: `{"do": "park" | "parked" | "unpark", "name": ...}`, and `{"do": "page",
"after": ...}` for many at a time.
"""

import contextlib
import ctypes
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from setpoint.processes.asking import EVERY_S, Door
from setpoint.processes.shelf import Shelf

PR_SET_CHILD_SUBREAPER = 36
BACKOFF_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""The n-th start in a row comes so long after the one before at the earliest: a child that ran for
longer is started again at once, and one that ran for `STEADY_S` begins at the front."""
STEADY_S = 30.0
STARTS_MAX = 3
"""A child that ends this often before everything was ready once ends the whole start."""
LOG_BYTES_MAX = 8 * 1024 * 1024
"""A log found larger makes room: it becomes the one old log."""
LOOK_S = 30.0
"""between two looks at the logs' sizes"""
STOP_S_MAX = 10.0
"""A child that has not ended this long after SIGTERM is killed."""
REQUEST_BYTES_MAX = 4096
CANNOT_EXECUTE = 126
"""What a shell says of a program that is there and does not start."""


@dataclass(frozen=True)
class Child:
    """What to run. `fds`: descriptors it inherits. It takes a user of its own by itself.

    It says that it is ready by writing `1` to the descriptor named in SETPOINT_READY_FD, or why it
    can never start by writing `!` and the sentence; then everything stops, unless all served once.
    """

    name: str
    argv: Callable[[int], list[str]]
    """given the epoch: 0, or one more than that of the one it takes over from"""
    log: str
    env: dict[str, str]
    fds: tuple[int, ...] = ()
    prepare: Callable[[], None] | None = None
    """called in the new process, which has a session of its own by then and is still us"""
    says_ready: bool = True
    """False for a program that is not ours: it counts as ready once it runs"""
    takes_over: bool = False
    """a restart starts the next epoch beside the old one, which ends by itself when drained"""
    first_epoch: int = 0
    """above 0 where one that an earlier keeper left is still serving"""
    door: tuple[str, int] | None = None
    """where it answers HTTP: one that did and hangs by now is ended, and started again"""


@dataclass
class Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    restarts: int = 0
    start_at_s: float = 0.0
    restarted_in_a_row: int = 0
    ready_fd: int | None = None
    ready: bool = False
    epoch: int = 0
    leaving: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    """older epochs that still drain"""
    door: Door | None = None
    wrong: str = ""
    """why it was ended by us, until the next one runs"""


@dataclass
class Keeper:
    """`listener`: the keeper socket. `held`: every other listening socket, so that none refuses a
    connection while its process is away."""

    children: list[Child]
    listener: socket.socket
    record: Callable[[str, int, int, str], None]
    """called with (name, pid, epoch, why) for each start, so that a later `up` finds what is left;
    `why`: what was wrong with the one before, where that was ended for it"""
    stop_apps: Callable[[], None]
    """asks the supervisor to stop every instance; blocks until it did"""
    held: tuple[socket.socket, ...]
    release: Callable[[bool], None]
    """gives the data directory free when everything has stopped; told whether apps go on"""
    on_ready: Callable[[], None]
    """called once, when every child has said it is ready"""
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    stopping: bool = False
    keep_apps: bool = False
    fatal: str = ""
    announced: bool = False
    asker: socket.socket | None = None
    """who asked us to go down, and is told how far we are"""
    shelf: Shelf = field(default_factory=Shelf)
    clock: Callable[[], float] = time.monotonic

    def run(self) -> str:
        """Until asked to go down. Returns '' or the sentence of a child that can never start."""
        _become_subreaper()
        _allow_many_files()
        _leave_no_cores()
        wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with selectors.DefaultSelector() as selector:
            selector.register(wake_r, selectors.EVENT_READ)
            selector.register(self.listener, selectors.EVENT_READ)
            for child in self.children:
                door = Door(child.door) if child.door is not None else None
                self.running[child.name] = Running(child, epoch=child.first_epoch, door=door)
            while not self.stopping:
                self._start_due(selector)
                for key, _ in selector.select(self._next_start_s()):
                    self._attend(selector, key.fileobj, wake_r)
                self._reap()
                self._ask_at_doors()
                self._bound_logs()
        self._down()
        return self.fatal

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self.stopping = True

    def _attend(self, selector: selectors.BaseSelector, ready: object, wake_r: int) -> None:
        if ready == wake_r:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_r, 512)
        elif ready is self.listener:
            self._serve(self.listener.accept()[0])
        elif isinstance(ready, int):
            self._note_ready(selector, ready)

    def _note_ready(self, selector: selectors.BaseSelector, fd: int) -> None:
        selector.unregister(fd)
        said = os.read(fd, REQUEST_BYTES_MAX)
        os.close(fd)
        if said.startswith(b"!"):
            self._note_fatal(fd, said[1:].decode(errors="replace"))
        for running in self.running.values():
            if running.ready_fd == fd:
                running.ready_fd = None
                running.ready = said == b"1" or not running.child.says_ready
        if not self.announced and all(r.ready for r in self.running.values()):
            self.announced = True
            self.on_ready()

    def _note_fatal(self, fd: int, why: str) -> None:
        """Everything stops, unless it served once: then what was fine is so no more, and the others
        are not to go with it. It is started again, as often as it ends."""
        if not self.announced:
            self.fatal, self.stopping, self.keep_apps = why, True, True
            return
        for running in self.running.values():
            if running.ready_fd == fd:
                running.wrong = "; ".join(why.splitlines())
                _write_down(running.child, f'process.cannot_start because="{running.wrong}"')

    # --- children -----------------------------------------------------------------------------

    def _start_due(self, selector: selectors.BaseSelector) -> None:
        """In order; one starts only when those before it said they are ready once."""
        for running in self.running.values():
            if running.process is None and running.start_at_s <= self.clock():
                self._start(selector, running)
            if not running.ready and running.restarts == 0:
                return

    def _start(self, selector: selectors.BaseSelector, running: Running) -> None:
        child = running.child
        running.started_s = self.clock()
        ready_r, ready_w = os.pipe2(os.O_CLOEXEC)
        try:
            running.process = self._spawn(child, running.epoch, ready_w)
        except (OSError, subprocess.SubprocessError) as error:
            os.close(ready_r)
            _write_down(child, f"cannot start the {child.name}: {error}")
            self._note_end(running, CANNOT_EXECUTE)
            return
        finally:
            os.close(ready_w)
        running.ready, running.ready_fd = not child.says_ready, ready_r
        selector.register(ready_r, selectors.EVENT_READ)
        self.record(child.name, running.process.pid, running.epoch, running.wrong)
        running.wrong = ""

    def _spawn(self, child: Child, epoch: int, ready_fd: int) -> subprocess.Popen[bytes]:
        with _log_of(child) as log:
            return subprocess.Popen(
                child.argv(epoch),
                env=child.env | ({"SETPOINT_READY_FD": str(ready_fd)} if child.says_ready else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(*child.fds, ready_fd) if child.says_ready else child.fds,
                start_new_session=True,
                preexec_fn=child.prepare,
                cwd="/",
            )

    def _next_start_s(self) -> float:
        due = [r.start_at_s for r in self.running.values() if r.process is None]
        most_s = EVERY_S if any(r.door for r in self.running.values()) else LOOK_S
        return min(most_s, max(0.0, min(due) - self.clock())) if due else most_s

    def _ask_at_doors(self) -> None:
        for running in self.running.values():
            if running.door is None or running.process is None or running.wrong:
                continue
            pid = running.process.pid
            if wrong := running.door.look(pid, self.clock()):
                running.wrong = wrong
                _write_down(running.child, f'process.ended pid={pid} because="{wrong}"')
                running.process.kill()

    def _bound_logs(self) -> None:
        """Its writer appends, so a log that was copied can be cut while it is written."""
        for child in self.children:
            with contextlib.suppress(OSError):
                if os.path.getsize(child.log) > LOG_BYTES_MAX:
                    shutil.copyfile(child.log, f"{child.log}.1")
                    os.truncate(child.log, 0)

    def _reap(self) -> None:
        """Ours are noted and started again; what instances left behind is only reaped."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for running in self.running.values():
                code = os.waitstatus_to_exitcode(status)
                if running.process is not None and running.process.pid == pid:
                    self._ended(running, code)
                for old in [p for p in running.leaving if p.pid == pid]:
                    old.returncode = code
                    running.leaving.remove(old)

    def _ended(self, running: Running, code: int) -> None:
        assert running.process is not None
        running.process.returncode = code
        running.process = None
        self._note_end(running, code)

    def _note_end(self, running: Running, code: int) -> None:
        running.epoch = 0
        if self.clock() - running.started_s > STEADY_S:
            running.restarted_in_a_row = 0
        apart_s = BACKOFF_S[min(running.restarted_in_a_row, len(BACKOFF_S) - 1)]
        running.restarted_in_a_row += 1
        running.restarts += 1
        running.start_at_s = running.started_s + apart_s
        if not self.announced and running.restarts >= STARTS_MAX:
            self.fatal = f"cannot start the {running.child.name}: it ended with code {code}"
            self.fatal += f", {running.restarts} times\nits log is {running.child.log}"
            self.stopping = self.keep_apps = True

    # --- going down ---------------------------------------------------------------------------

    def _down(self) -> None:
        """Doors first, the supervisor last: whoever still serves, serves as long as it can.

        Only when the data directory is free again is it called done.
        """
        if not self.keep_apps:
            self._say("stopping apps")
            with contextlib.suppress(OSError):
                self.stop_apps()
        for name in reversed(list(self.running)):
            self._say(f"stopping {name}")
            self._stop(self.running[name])
        self.release(self.keep_apps)
        self._tell({"done": True})

    def _say(self, text: str) -> None:
        self._tell({"say": text})

    def _tell(self, line: dict[str, object]) -> None:
        """To whoever asked us to go down, if they still listen."""
        if self.asker is not None:
            with contextlib.suppress(OSError):
                self.asker.sendall(json.dumps(line).encode() + b"\n")

    def _stop(self, running: Running) -> None:
        left = [*running.leaving, *([running.process] if running.process is not None else [])]
        for process in left:
            process.terminate()
        for process in left:
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        running.process, running.leaving = None, []

    # --- the keeper socket --------------------------------------------------------------------

    def _serve(self, peer: socket.socket) -> None:
        """One request, one line back. A slow or broken peer costs at most a second."""
        with contextlib.suppress(OSError, ValueError):
            peer.settimeout(1.0)
            said, fds, _, _ = socket.recv_fds(peer, REQUEST_BYTES_MAX, 1)
            request: dict[str, object] = json.loads(said or b"{}")
            if request.get("do") == "down":
                self.asker, self.stopping = peer, True
                self.keep_apps = bool(request.get("keep_apps"))
                return
            if request.get("do") == "page":
                names, copies = self.shelf.page(str(request.get("after", "")))
                answer: dict[str, object] = {"done": True, "names": names}
            else:
                parked = request.get("do") == "parked"
                copies = self.shelf.parked(str(request.get("name"))) if parked else []
                answer = self._answer(request, fds)
            socket.send_fds(peer, [json.dumps(answer).encode() + b"\n"], copies)
        peer.close()

    def _answer(self, request: dict[str, object], fds: list[int]) -> dict[str, object]:
        match request.get("do"):
            case "park":
                return self.shelf.park(str(request.get("name", "")), fds)
            case "unpark":
                return self.shelf.unpark(str(request.get("name", "")))
            case "parked":
                return {"done": True}
            case "status":
                return {"done": True, "pid": os.getpid(), "processes": self._processes()}
            case "restart":
                return self._restart(str(request.get("process", "")))
            case other:
                return {"error": f"cannot do {other!r}: the keeper knows status, restart, down"}

    def _processes(self) -> list[dict[str, object]]:
        now_s = self.clock()
        return [
            {
                "name": r.child.name,
                "pid": r.process.pid if r.process is not None else None,
                "ready": r.ready,
                "answered": self._has_answered(r),
                "restarts": r.restarts,
                "up_s": round(now_s - r.started_s, 1) if r.process is not None else 0,
            }
            for r in self.running.values()
        ]

    def _has_answered(self, running: Running) -> bool | None:
        """None where nobody asks."""
        if running.door is None or running.process is None:
            return None
        return running.door.has_answered(running.process.pid)

    def _restart(self, name: str) -> dict[str, object]:
        running = self.running.get(name)
        if running is None or running.process is None:
            return {"error": f"cannot restart {name!r}: no such process is running"}
        if running.child.takes_over:
            running.leaving.append(running.process)
            self.record(f"{name}.leaving", running.process.pid, running.epoch, "")
            running.process, running.epoch = None, running.epoch + 1
            running.start_at_s = 0.0
        else:
            running.process.terminate()
        return {"done": True}


def _write_down(child: Child, sentence: str) -> None:
    """In its own log: where it is looked for."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    with contextlib.suppress(OSError), open(child.log, "a", encoding="utf-8") as log:
        print(at, "W", sentence, file=log)


def _log_of(child: Child) -> IO[bytes]:
    """On a disk that takes no writes it runs without one."""
    try:
        return open(child.log, "ab")
    except OSError:
        return open(os.devnull, "ab")


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _allow_many_files() -> None:
    """The supervisor holds several descriptors per instance: take all that the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leave_no_cores() -> None:
    """A core file of the plane would hold config values in clear."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
