"""A process that has imported what functions need, and forks one per order.

    python -I -u -X utf8 FOLDER zygote CONTROL_FD

It lives inside its app's sandbox and never sees a config value: these come with the order, to the
child. It speaks with the supervisor in messages of a packet socket: the first names what to import,
its answer tells what came of that; each later one is an order, with descriptors. When the other end
is closed it forks no more, stays for as long as a child of it runs, to tell how that ended, and
ends. docs/decisions/0050.
"""

import atexit
import fcntl
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable
from typing import NoReturn

from . import serve, warm
from .preload import Known, Preloaded, open_files

MESSAGE_BYTES_MAX = 1 << 17
FDS_MAX = 16
LISTENER, NOTIFY, REPORT = 3, 4, 5
"""numbers a function's own process finds its queue and its side channel under, and one for us"""
OUT_OF_THE_WAY = 256
"""Descriptors are first copied above this, so that no move overwrites the source of another."""
BREATHE_S = 0.004
"""after an order, before another child is forked ahead: that would slow down the one just taken"""
CANNOT_START = 70
OURS = tuple(
    f"{__package__}.{name}"
    for name in ("extra_info", "figures", "invocation", "server", "watchdog")
)


class Order:
    """One fork: what the supervisor wrote, and the descriptors it sent, in this order."""

    def __init__(self, fds: list[int]) -> None:
        text = fds[0]
        told = json.loads(os.pread(text, os.fstat(text).st_size, 0))
        self.argv: list[str] = told["argv"]
        self.env: dict[str, str] = told["env"]
        self.cwd: str = told["cwd"]
        self.fds = fds
        self.listener, self.notify, self.output, self.status, self.report, *self.cgroups = fds[1:]


class Child:
    """A forked process with its order. `tmp`: its private folder. `ahead`: what it did before it
    had the order, with the descriptors that this opened."""

    def __init__(
        self, order: Order, tmp: str, ahead: serve.Ahead | None = None, kept: Iterable[int] = ()
    ) -> None:
        self.order = order
        self.tmp = tmp
        self.ahead = ahead
        self.kept = frozenset(kept)


def main() -> None:
    """Returns in the zygote itself, once nobody needs it any more. Its children never return."""
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    text = control.recv(MESSAGE_BYTES_MAX)
    if not text:
        return
    base = dict(os.environ)
    preloaded = Preloaded((*json.loads(text)["preload"], *OURS))
    added = {key: value for key, value in os.environ.items() if base.get(key) != value}
    if not preloaded.refusal:
        preloaded.refusal = preloaded.aware_of(warm.run)
    report = {"refusal": preloaded.refusal, "touched": sorted(preloaded.touched)}
    control.send(json.dumps(report).encode())
    if preloaded.refusal:
        return
    known = Known(frozenset(sys.modules) | preloaded.asked, len(sys.modules))
    gc.collect()
    gc.freeze()
    gc.disable()
    child = Zygote(control, known, preloaded.tops).serve()
    if child is None:
        return
    control.detach()  # a child closes it by its number, which is then another's
    _end(_live(child, added, known))


class Zygote:
    """While nothing else is to be done one child is forked ahead, for the next order to find it
    ready; `known`: what need not be told of."""

    def __init__(self, control: socket.socket, known: Known, hidden: frozenset[str]) -> None:
        self._control: socket.socket | None = control
        self._known = known
        self._hidden = hidden
        self._ahead: tuple[int, socket.socket] | None = None
        """its pid, and the line by which it gets its order"""
        self._statuses: dict[int, tuple[int, str]] = {}
        """pid -> (where its exit code goes, its private folder)"""
        self._ended, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def serve(self) -> Child | None:
        """In each child itself; None in the zygote, at its end."""
        while self._control is not None or self._statuses:
            open_ = self._control is not None
            watched = [self._ended, self._control] if open_ else [self._ended]
            idle_s = BREATHE_S if open_ and self._ahead is None else None
            readable = select.select(watched, [], [], idle_s)[0]
            if self._ended in readable:
                self._bury()
            if self._control in readable:
                order = self._take()
                child = None if order is None else self._start(order)
            else:
                child = None if readable else self._fork_ahead()
            if child is not None:
                return child
        return None

    def _take(self) -> Order | None:
        assert self._control is not None
        fds = _received(self._control)[1]
        if fds:
            return Order(fds)
        self._control.close()
        self._control = None
        if self._ahead is not None:
            self._ahead[1].close()
            self._ahead = None
        return None

    def _start(self, order: Order) -> Child | None:
        hides = _tops(order.cwd) & self._hidden
        pid, tmp = -1, ""
        try:
            if hides:
                raise OSError(0, f"its own {min(hides)} would come too late")
            tmp = tempfile.mkdtemp(prefix="fn-")
            pid = self._hand_over(order, tmp) or _fork()
        except OSError as error:
            _tell(order.report, {"error": error.strerror or str(error)})
        if pid == 0:
            return Child(order, tmp)
        for fd in order.fds:
            if pid < 0 or fd != order.status:
                os.close(fd)
        if pid > 0:
            self._statuses[pid] = (order.status, tmp)
        return None

    def _hand_over(self, order: Order, tmp: str) -> int:
        """Who has it now; 0 where nobody waited for it."""
        if self._ahead is None:
            return 0
        (pid, line), self._ahead = self._ahead, None
        try:
            socket.send_fds(line, [tmp.encode()], order.fds)
        except OSError:  # somebody ended it
            return 0
        finally:
            line.close()
        return pid

    def _fork_ahead(self) -> Child | None:
        """In the child, once it has an order. That there is none is worth no complaint."""
        assert self._control is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = _fork()
        except OSError:
            time.sleep(BREATHE_S)  # nor is it worth all of a processor
            return None
        if pid > 0:
            theirs.close()
            self._ahead = pid, ours
            return None
        ours.close()
        _forget_signals()
        before = open_files()
        ahead = serve.Ahead(self._known)
        kept = open_files() - before  # made before others are closed, so that all lie above these
        self._control.close()
        tmp, fds = _received(theirs)
        if not fds:  # nobody needs it any more
            os._exit(0)
        theirs.close()
        return Child(Order(fds), tmp.decode(), ahead, map(int, kept))

    def _bury(self) -> None:
        """The exit code is written before the process is gone, so who sees it gone can read it."""
        os.read(self._ended, 4096)
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if self._ahead is not None and self._ahead[0] == ended.si_pid:
                self._ahead[1].close()
                self._ahead = None
            status, tmp = self._statuses.pop(ended.si_pid, (-1, ""))
            if status >= 0:
                killed = ended.si_code != os.CLD_EXITED
                _tell(status, {"exit-code": ended.si_status + 128 * killed})
                os.close(status)
                shutil.rmtree(tmp, ignore_errors=True)
            os.waitpid(ended.si_pid, 0)


def _tops(project: str) -> set[str]:
    """The modules a project has of its own."""
    try:
        return {name.partition(".")[0] for name in os.listdir(project)} - {""}
    except OSError:
        return set()


def _tell(fd: int, document: dict[str, object]) -> None:
    try:
        os.write(fd, json.dumps(document).encode() + b"\n")
    except OSError:
        pass  # nobody wants to know any more


def _received(line: socket.socket) -> tuple[bytes, list[int]]:
    text, fds, _, _ = socket.recv_fds(line, MESSAGE_BYTES_MAX, FDS_MAX, socket.MSG_CMSG_CLOEXEC)
    return text, fds


def _fork() -> int:
    """Raises OSError."""
    with warnings.catch_warnings():  # newer Pythons warn of numpy's threads
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


# --- in the child -------------------------------------------------------------------------------


def _live(child: Child, added: dict[str, str], known: Known) -> int:
    """From a fork to a function's own process, as if it had been started alone."""
    order = child.order
    try:
        os.setpgid(0, 0)  # not a session: alone, it would be no leader of one either
        for file in order.cgroups:  # first, so that all it does from here on counts as its own
            os.write(file, b"0")
        _forget_signals()
        _take_descriptors(order, child.kept)
        os.environ.clear()
        os.environ.update({**added, "TMPDIR": child.tmp, **order.env})
        time.tzset()
        os.chdir(order.cwd)
        # The kernel tells the supervisor which process says this. With nobody left to hear it,
        # nobody would ever end it.
        os.write(order.report, b'{"born": true}')
        os.close(order.report)
    except BaseException as error:
        _give_up(order, error)
    _differ()
    gc.enable()
    sys.argv[1:] = order.argv
    return serve.main(child.ahead or serve.Ahead(known))


def _end(code: int) -> NoReturn:
    """As an interpreter ends, but for taking apart what it has imported: these pages are shared
    with the zygote, and each would be copied to be let go. It was half of what a fork costs."""
    try:
        threading._shutdown()  # waits for threads, and ends those of executors
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _take_descriptors(order: Order, kept: frozenset[int]) -> None:
    """The usual ones under their numbers, and none of the zygote's or of another child's."""
    wanted = {1: order.output, 2: order.output, LISTENER: order.listener, NOTIFY: order.notify}
    wanted[REPORT] = order.report
    high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for n, fd in wanted.items()}
    for number, fd in high.items():
        os.dup2(fd, number)
    order.report = REPORT
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > REPORT and fd not in kept:
            os.closerange(fd, fd + 1)  # which minds no descriptor that is closed by now


def _give_up(order: Order, error: BaseException) -> NoReturn:
    _tell(order.report, {"error": f"a fork could not be prepared: {error}"})
    os._exit(CANNOT_START)


def _differ() -> None:
    """Python's own generator is seeded anew after a fork; numpy's is not."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
