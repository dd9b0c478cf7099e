"""Starting one instance: everything is opened here, the child only enters and executes.

`launch` does it in one go and waits a few milliseconds for bubblewrap; `begin` and `finish` are
its halves, for a caller with an event loop. The calling process must be single-threaded and small
(a fork copies its page tables). Config reaches the app through a memory file, never through a
command line. Nothing the caller has open gets inside unless it is named in `fds`.
"""

import contextlib
import fcntl
import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from setpoint.drivers.local.sandbox import argv, child, plain, relays, syscalls
from setpoint.drivers.local.sandbox.cgroups import UNIFIED, Limits
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.exits import forget, private_tmp
from setpoint.drivers.local.sandbox.identity import start_time
from setpoint.drivers.local.sandbox.spec import Identity, Launch, folder_name
from setpoint.model.errors import Terminal, Transient
from setpoint.workers.forker import Order

NUMBERS = argv.Descriptors(info=200, status=201, filter=202, arguments=203, hosts=204)
OPEN_FILES_MAX = 8192
OUTPUT_BYTES_MAX = 1 << 20
"""what an instance may write while nobody reads; beyond that its writes wait"""
INFO_BYTES_MAX = 4096
NOTHING = Path("/dev/null")
CLEARED_MAX = 100
CLEAR_PAUSE_S = 0.002
STACKS_BYTES = 512 * 1024 * 1024
"""64 threads"""


class UnderWay(Protocol):
    """A start. `fd` becomes readable when `finish` will not wait."""

    @property
    def fd(self) -> int: ...

    def finish(self) -> Identity:
        """Raises Transient, Terminal or OSError."""
        ...


@dataclass(frozen=True)
class Starting:
    """As a process of its own."""

    spec: Launch
    confinement: Confinement
    fd: int
    outer_pid: int
    outer_start: int

    def finish(self) -> Identity:
        return finish(self)


def launch(confinement: Confinement, spec: Launch) -> Identity:
    """Raises Transient or Terminal, `cannot start ...`."""
    return finish(begin(confinement, spec))


def begin(confinement: Confinement, spec: Launch) -> Starting:
    """Fork and go. Whatever fails on the way to executing is told by `finish`."""
    _require_sane(spec)
    info, report = _info_pipe()
    try:
        with contextlib.ExitStack() as opened:
            opened.callback(os.close, report)
            order = _prepare(confinement, spec, report, opened)
            pid = (confinement.forker or child).fork(order)
    except OSError as error:
        os.close(info)
        _clear(confinement, spec)
        raise Transient(f"cannot start {spec.name}: {error}") from error
    except BaseException:
        os.close(info)
        raise
    return Starting(spec, confinement, info, pid, start_time(pid))


def _info_pipe() -> tuple[int, int]:
    """(reading end, what bubblewrap writes to). Its own end can be read too, as with outputs: else
    a supervisor's death just now kills bubblewrap before it has told its child to go on."""
    info, report = os.pipe2(os.O_CLOEXEC)
    try:
        return info, os.open(f"/proc/self/fd/{report}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        os.close(info)
        raise
    finally:
        os.close(report)


def finish(starting: Starting) -> Identity:
    """Wait for bubblewrap to say what it made (milliseconds); start a relay if one is wanted."""
    spec = starting.spec
    try:
        inner = _read_inner(starting)
        identity = Identity(inner, start_time(inner), starting.outer_pid, starting.outer_start)
        if spec.ingress is not None and spec.ingress.kind == "relay":
            relays.start(starting.confinement, spec, identity)
    except (OSError, Transient) as error:
        _abandon(starting)
        if isinstance(error, Transient):
            raise
        raise Transient(f"cannot start {spec.name}: {error}") from error
    return identity


def open_output(path: Path) -> int:
    """The reading end of an instance's output, made if need be. Keep one open: while somebody
    has it open, a dead reader blocks nobody and a dead writer's last words are kept."""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, OUTPUT_BYTES_MAX)
    return fd


# --- preparing ----------------------------------------------------------------------------------


def _prepare(
    confinement: Confinement, spec: Launch, report: int, opened: contextlib.ExitStack
) -> Order:
    """Open everything. What goes wrong from here on is the child's to report."""
    moves = dict(standard_streams(spec, opened))
    moves |= {number: fd for fd, number in spec.fds.items()}
    moves |= {NUMBERS.info: report, NUMBERS.status: open_status(spec, opened)}
    if confinement.hides:
        order = _sandboxed(confinement, spec, moves, opened)
    else:
        order = plain.prepare(confinement, spec, moves, NUMBERS, opened)
    order.uid = spec.uid
    order.limits = _limits(confinement, spec)
    _join(order, confinement, spec, opened)
    return order


def _sandboxed(
    confinement: Confinement,
    spec: Launch,
    moves: dict[int, int],
    opened: contextlib.ExitStack,
) -> Order:
    arguments = argv.sandbox_arguments(
        confinement.system,
        spec.binds,
        spec.env,
        NUMBERS,
        hostname=spec.hostname,
        cwd=spec.cwd,
        memory_bytes_max=spec.memory_bytes_max,
        own_network=spec.netns is None,
        writable=spec.writable,
    )
    moves[NUMBERS.arguments] = memory_file(argv.encode(arguments), opened)
    moves[NUMBERS.hosts] = memory_file(argv.hosts(spec.hostname), opened)
    moves[NUMBERS.filter] = memory_file(confinement.filter, opened)
    enter = None
    if spec.netns is not None:
        enter = (_open(spec.netns, os.O_RDONLY, opened), syscalls.CLONE_NEWNET)
    marker = confinement.marker(spec.folder)
    return Order(
        executable=str(confinement.tools.bwrap),
        command=(marker, "--args", str(NUMBERS.arguments), "--", *spec.argv),
        env={},
        cwd="/",
        moves=moves,
        report=moves[NUMBERS.info],
        enter=enter,
    )


def _require_sane(spec: Launch) -> None:
    folder_name(spec.app, spec.name)
    if not all(3 <= number < NUMBERS.info for number in spec.fds.values()):
        raise Terminal(
            f"cannot start {spec.name}: descriptors inside are numbered 3 to {NUMBERS.info - 1}"
        )


def standard_streams(spec: Launch, opened: contextlib.ExitStack) -> Iterator[tuple[int, int]]:
    """An open file description of its own: a duplicate would share the reader's O_NONBLOCK.

    The FIFO becomes the app's: many programs are told to log to /dev/stdout, which opens it anew.
    """
    if spec.terminal is not None:
        if spec.uid is not None:
            os.fchown(spec.terminal, spec.uid, spec.uid)
        yield from ((number, spec.terminal) for number in (0, 1, 2))
        return
    output = _open(spec.output, os.O_RDWR, opened)
    if spec.uid is not None:
        os.fchown(output, spec.uid, spec.uid)
        os.fchmod(output, 0o200)  # to write: what it said is not its own to take back
    yield 0, spec.stdin if spec.stdin is not None else _open(NOTHING, os.O_RDONLY, opened)
    yield 1, output
    yield 2, output


def open_status(spec: Launch, opened: contextlib.ExitStack) -> int:
    return _open(spec.status, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, opened)


def _join(
    order: Order, confinement: Confinement, spec: Launch, opened: contextlib.ExitStack
) -> None:
    order.cgroup_files = entrances(confinement, spec, opened)
    groups = confinement.cgroups
    if groups is not None and groups.unified:
        folder = groups.roots[UNIFIED] / spec.folder
        order.cgroup = _open(folder, os.O_RDONLY | os.O_DIRECTORY, opened)


def entrances(
    confinement: Confinement, spec: Launch, opened: contextlib.ExitStack
) -> tuple[int, ...]:
    """Its cgroups, made; what writes "0" there is in them.

    v1: `tasks`. Writing cgroup.procs waits for an RCU grace period: +3 ms each."""
    groups = confinement.cgroups
    if groups is None:
        return ()
    folders = groups.make(
        spec.folder, Limits(spec.memory_bytes_max, spec.pids_max, spec.cpu_weight)
    )
    entrance = "cgroup.procs" if groups.unified else "tasks"
    return tuple(_open(f / entrance, os.O_WRONLY, opened) for f in folders)


def _limits(confinement: Confinement, spec: Launch) -> tuple[tuple[int, int], ...]:
    """Where cgroups are missing, the coarse ones of the process.

    RLIMIT_DATA, since RLIMIT_AS breaks programs that reserve address space (Node, Java). It stops a
    runaway and no more: per process, and with room for thread stacks, which count in full.
    """
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, OPEN_FILES_MAX)]
    if not confinement.limits:
        limits.append((resource.RLIMIT_DATA, 2 * spec.memory_bytes_max + STACKS_BYTES))
    return tuple(limits)


def memory_file(content: bytes, opened: contextlib.ExitStack) -> int:
    """A fresh one per launch: bubblewrap reads to the end, and the position is shared."""
    fd = os.memfd_create("setpoint", os.MFD_CLOEXEC)
    opened.callback(os.close, fd)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _open(path: Path, flags: int, opened: contextlib.ExitStack) -> int:
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, fd)
    return fd


# --- finishing ----------------------------------------------------------------------------------


def _read_inner(starting: Starting) -> int:
    said = b""
    try:
        while len(said) < INFO_BYTES_MAX:
            chunk = os.read(starting.fd, INFO_BYTES_MAX)
            if not chunk:
                break
            said += chunk
    finally:
        os.close(starting.fd)
    document: Any = json.loads(said) if said else {}
    if "child-pid" in document:
        return int(document["child-pid"])
    fact = document.get("error", "the sandbox could not be made; its output says why")
    raise Transient(f"cannot start {starting.spec.name}: {fact}")


def _clear(confinement: Confinement, spec: Launch) -> None:
    """Who forks may have died before it said whom. That one is in its group, and killed there, or
    still on its way: into a group that is gone it cannot go, and ends."""
    killed: set[int] = set()
    for _ in range(CLEARED_MAX):
        if (groups := confinement.cgroups) is not None:
            killed |= {*groups.members(spec.folder)}
            groups.kill(spec.folder)
        for pid in killed:
            with contextlib.suppress(ChildProcessError):  # all but the first are not ours
                os.waitpid(pid, os.WNOHANG)
        if forget(confinement, None, spec.app, spec.name, spec.status):
            return
        time.sleep(CLEAR_PAUSE_S)


def _abandon(starting: Starting) -> None:
    """Nothing of a failed start may stay. It has ended, or ends at this."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(starting.outer_pid, 9)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(starting.outer_pid, 0)
    spec = starting.spec
    forget(starting.confinement, None, spec.app, spec.name, spec.status)


__all__ = ["Starting", "begin", "finish", "launch", "open_output", "private_tmp"]
