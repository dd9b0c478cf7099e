"""A process that has imported what functions need, and forks one per order.

    python -I -u -X utf8 FOLDER zygote CONTROL_FD

It lives inside its app's sandbox and never sees a config value: these come with the order, to the
child. It speaks with the supervisor in messages of a packet socket: the first names what to import,
its answer tells what came of that; each later one is an order, with descriptors. When the other end
is closed it forks no more, stays for as long as a child of it runs, to tell how that ended, and
ends. docs/decisions/0050.
"""

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
import time
import warnings
from typing import NoReturn

from . import serve
from .preload import Preloaded

MESSAGE_BYTES_MAX = 1 << 17
FDS_MAX = 16
LISTENER, NOTIFY, REPORT = 3, 4, 5
"""numbers a function's own process finds its queue and its side channel under, and one for us"""
OUT_OF_THE_WAY = 256
"""Descriptors are first copied above this, so that no move overwrites the source of another."""
CANNOT_START = 70
OURS = tuple(
    f"{__package__}.{name}"
    for name in ("extra_info", "figures", "invocation", "server", "watchdog")
)


class Order:
    """One fork: what the supervisor wrote, and the descriptors it sent, in this order."""

    def __init__(self, text: bytes, fds: list[int]) -> None:
        told = json.loads(text)
        self.argv: list[str] = told["argv"]
        self.env: dict[str, str] = told["env"]
        self.cwd: str = told["cwd"]
        self.fds = fds
        self.listener, self.notify, self.output, self.status, self.report, *self.cgroups = fds


def main() -> int | None:
    """None in the zygote itself, once nobody needs it any more; in a child, how it ended."""
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    text = control.recv(MESSAGE_BYTES_MAX)
    if not text:
        return None
    base = dict(os.environ)
    preloaded = Preloaded((*json.loads(text)["preload"], *OURS))
    added = {key: value for key, value in os.environ.items() if base.get(key) != value}
    report = {"refusal": preloaded.refusal, "touched": sorted(preloaded.touched)}
    control.send(json.dumps(report).encode())
    if preloaded.refusal:
        return None
    gc.collect()
    gc.freeze()
    gc.disable()
    order = Zygote(control, preloaded).serve()
    if order is None:
        return None
    control.detach()  # a child closes it by its number, which is then another's
    return _live(order, added, preloaded)


class Zygote:
    def __init__(self, control: socket.socket, preloaded: Preloaded) -> None:
        self._control: socket.socket | None = control
        self._hidden = preloaded.tops
        self._statuses: dict[int, tuple[int, str]] = {}
        """pid -> (where its exit code goes, its private folder)"""
        self._ended, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def serve(self) -> Order | None:
        """In each child its order; None in the zygote, at its end."""
        while self._control is not None or self._statuses:
            watched = [self._ended] if self._control is None else [self._ended, self._control]
            readable = select.select(watched, [], [])[0]
            if self._ended in readable:
                self._bury()
            if self._control in readable:
                order = self._take()
                if order is not None and self._fork(order):
                    return order
        return None

    def _take(self) -> Order | None:
        assert self._control is not None
        text, fds, _, _ = socket.recv_fds(
            self._control, MESSAGE_BYTES_MAX, FDS_MAX, socket.MSG_CMSG_CLOEXEC
        )
        if text:
            told = os.pread(fds[0], os.fstat(fds[0]).st_size, 0)
            os.close(fds[0])
            return Order(told, fds[1:])
        self._control.close()
        self._control = None
        return None

    def _fork(self, order: Order) -> bool:
        """Is this the child?"""
        hides = _tops(order.cwd) & self._hidden
        pid, tmp = -1, ""
        try:
            if hides:
                raise OSError(0, f"its own {min(hides)} would come too late")
            tmp = tempfile.mkdtemp(prefix="fn-")
            with warnings.catch_warnings():  # newer Pythons warn of numpy's threads
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as error:
            _tell(order.report, {"error": error.strerror or str(error)})
        if pid == 0:
            order.env = {"TMPDIR": tmp, **order.env}
            return True
        for fd in order.fds:
            if pid < 0 or fd != order.status:
                os.close(fd)
        if pid > 0:
            self._statuses[pid] = (order.status, tmp)
        return False

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


# --- in the child -------------------------------------------------------------------------------


def _live(order: Order, added: dict[str, str], preloaded: Preloaded) -> int:
    """From a fork to a function's own process, as if it had been started alone."""
    try:
        os.setpgid(0, 0)  # not a session: alone, it would be no leader of one either
        for file in order.cgroups:  # first, so that all it does from here on counts as its own
            os.write(file, b"0")
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _take_descriptors(order)
        os.environ.clear()
        os.environ.update({**added, **order.env})
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
    return serve.main(frozenset(sys.modules) | preloaded.asked, "fork")


def _take_descriptors(order: Order) -> None:
    """The usual ones under their numbers, and none of the zygote's or of another child's."""
    wanted = {1: order.output, 2: order.output, LISTENER: order.listener, NOTIFY: order.notify}
    wanted[REPORT] = order.report
    high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for n, fd in wanted.items()}
    for number, fd in high.items():
        os.dup2(fd, number)
    order.report = REPORT
    os.closerange(REPORT + 1, max(int(fd) for fd in os.listdir("/proc/self/fd")) + 1)


def _give_up(order: Order, error: BaseException) -> NoReturn:
    _tell(order.report, {"error": f"a fork could not be prepared: {error}"})
    os._exit(CANNOT_START)


def _differ() -> None:
    """Python's own generator is seeded anew after a fork; numpy's is not."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
