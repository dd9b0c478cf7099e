"""The last steps of a start: enter limits and namespaces, give up root, execute.

    python -I -S forker.py SOCKET_FD RUNTIME

A small process beside the supervisor, which forks in its stead: a fork copies page tables and then
every page that either side touches, and a mount namespace copies every mount of the machine. This
one has little of both (docs/decisions/0013). One order per message, answered by a pid. Whom it
forks is the supervisor's child. It ends with the supervisor. Standard library only.
"""

import contextlib
import ctypes
import fcntl
import gc
import json
import marshal
import os
import re
import resource
import signal
import socket
import struct
import sys
from typing import NoReturn

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
CLOSE_RANGE_CLOEXEC = 4
CLONE_PARENT = 0x8000
CLONE_NEWNS = 0x20000
CLONE_INTO_CGROUP = 0x200000000
MS_REC, MS_PRIVATE, MS_SLAVE = 1 << 14, 1 << 18, 1 << 19
MNT_DETACH = 2

NR_CLONE = {"x86_64": 56, "aarch64": 220}
# These are the same on every architecture.
NR_CLONE3 = 435
NR_CLOSE_RANGE = 436
NR_LANDLOCK_RESTRICT = 446

FDS_MAX = 250
"""the kernel's bound for one message is 253"""
OUT_OF_THE_WAY = 256
"""Descriptors are first copied above this, so that no move overwrites the source of another."""
OOM_SCORE = b"500"
"""When the whole machine runs out of memory, apps go before the plane."""
CANNOT_EXECUTE = 126

SHOWN_TO_NOBODY = frozenset(
    {
        *("sysfs", "cgroup", "cgroup2", "devpts", "nsfs", "mqueue", "securityfs", "pstore", "bpf"),
        *("debugfs", "tracefs", "configfs", "fusectl", "hugetlbfs", "efivarfs"),
    }
)
"""File systems no part of which is ever mounted in a sandbox."""

_libc = ctypes.CDLL(None, use_errno=True)
_holding_gil = ctypes.PyDLL(None, use_errno=True)
"""For clone3: the child must come back to a Python whose lock it holds."""


class Order:
    """One start. Every number is a descriptor, unless it says otherwise.

    `moves`: number there -> descriptor here. `enter`: (namespace or pidfd, its kinds). `limits`:
    (resource, soft and hard value). `cgroup_files`: where to write "0". `cgroup`: a v2 folder to be
    born in. `report`: where an error is written.
    """

    def __init__(
        self,
        executable: str,
        command: tuple[str, ...],
        env: dict[str, str],
        cwd: str,
        moves: dict[int, int],
        report: int,
        uid: int | None = None,
        limits: tuple[tuple[int, int], ...] = (),
        cgroup_files: tuple[int, ...] = (),
        cgroup: int | None = None,
        enter: tuple[int, int] | None = None,
        ruleset: int | None = None,
        filter: bytes = b"",
    ) -> None:
        self.executable = executable
        self.command = command
        self.env = env
        self.cwd = cwd
        self.moves = moves
        self.report = report
        self.uid = uid
        self.limits = limits
        self.cgroup_files = cgroup_files
        self.cgroup = cgroup
        self.enter = enter
        self.ruleset = ruleset
        self.filter = filter


def become(order: Order, *, joined: bool) -> NoReturn:
    """In a fresh child. The order is the point: cgroups first (so that nothing escapes the limits),
    then namespaces (needs privileges), then the user, then what the user may do to itself.

    `joined`: it was born in its cgroup.
    """
    try:
        os.setsid()
        if not joined:
            for file in order.cgroup_files:
                os.write(file, b"0")
        be_expendable()
        if order.enter is not None:
            setns(*order.enter)
        limit(order.limits)
        if order.uid is not None:
            os.setgroups([])
            os.setresgid(order.uid, order.uid, order.uid)
            os.setresuid(order.uid, order.uid, order.uid)
        wall_in(order.ruleset, order.filter)
        place(order.moves)
        os.chdir(order.cwd)
        os.execve(order.executable, order.command, order.env)
    except BaseException as error:
        try:
            os.write(order.report, json.dumps({"error": str(error)}).encode())
        except OSError:
            pass
    os._exit(CANNOT_EXECUTE)


def be_expendable() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, OOM_SCORE)
    except OSError:
        pass


def limit(limits: tuple[tuple[int, int], ...]) -> None:
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def wall_in(ruleset: int | None, filter: bytes) -> None:
    """Landlock and seccomp. Without them nothing is done: bubblewrap sees to the rest itself."""
    if ruleset is not None or filter:
        no_new_privileges()
    if ruleset is not None:
        syscall(NR_LANDLOCK_RESTRICT, ruleset, 0)
    if filter:
        install_filter(filter)


def place(moves: dict[int, int]) -> None:
    """These descriptors under these numbers, and no other gets across."""
    held = [
        (number, fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY))
        for number, fd in moves.items()
    ]
    close_on_exec_from(3)
    for number, fd in held:
        os.dup2(fd, number)


def forget_signals() -> None:
    """Ignored signals stay ignored across exec; ours mean nothing to the app."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


# --- system calls Python lacks ------------------------------------------------------------------


def checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Integers are passed as longs, bytes and buffers as pointers."""
    cast = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(_libc.syscall(ctypes.c_long(number), *cast), f"syscall {number}")


def setns(fd: int, flags: int) -> None:
    checked(_libc.setns(fd, flags), "setns")


def mount_flags(at: str, flags: int) -> None:
    checked(_libc.mount(None, os.fsencode(at), None, flags, None), f"mount {at}")


def no_new_privileges() -> None:
    checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def install_filter(program: bytes) -> None:
    """A classic BPF program for this process and whatever comes of it, for good."""
    instructions = ctypes.create_string_buffer(program)
    address = ctypes.addressof(instructions)
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, address))
    result = _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)
    checked(result, "prctl(PR_SET_SECCOMP)")


def close_on_exec_from(first: int) -> None:
    """Whatever this process inherited itself stays out of what it is about to execute."""
    syscall(NR_CLOSE_RANGE, first, 0xFFFFFFFF, CLOSE_RANGE_CLOEXEC)


def clone(flags: int = 0, cgroup: int | None = None) -> int:
    """A fork: 0 in the child. `cgroup`: a v2 folder to be born in, which unlike moving there
    afterwards takes no RCU grace period (12 ms measured). Raises OSError, with `cgroup` also on
    older kernels and under filters that answer clone3 with ENOSYS.

    It bypasses Python's fork hooks, so: single-threaded process, and the child only prepares and
    executes.
    """
    number = NR_CLONE.get(os.uname().machine)
    if cgroup is None and number is not None:
        how = ctypes.c_long(flags | signal.SIGCHLD)
        pid = _holding_gil.syscall(ctypes.c_long(number), how, None, None, None, None)
        return checked(pid, "clone")
    # A sibling's end is told as ours is.
    ends_with = 0 if flags & CLONE_PARENT else signal.SIGCHLD
    flags |= 0 if cgroup is None else CLONE_INTO_CGROUP
    arguments = struct.pack("11Q", flags, 0, 0, 0, ends_with, 0, 0, 0, 0, 0, cgroup or 0)
    buffer = ctypes.create_string_buffer(arguments, len(arguments))
    pid = _holding_gil.syscall(ctypes.c_long(NR_CLONE3), buffer, ctypes.c_long(len(arguments)))
    return checked(pid, "clone3")


# --- serving ------------------------------------------------------------------------------------


def pack(order: Order) -> tuple[bytes, list[int]]:
    """(text, descriptors), in which each descriptor is a place in the list."""
    fds: list[int] = []

    def at(fd: int) -> int:
        if fd not in fds:
            fds.append(fd)
        return fds.index(fd)

    fields = dict(vars(order))
    fields["moves"] = {number: at(fd) for number, fd in order.moves.items()}
    fields["report"] = at(order.report)
    fields["cgroup_files"] = tuple(at(fd) for fd in order.cgroup_files)
    fields["cgroup"] = None if order.cgroup is None else at(order.cgroup)
    fields["enter"] = None if order.enter is None else (at(order.enter[0]), order.enter[1])
    fields["ruleset"] = None if order.ruleset is None else at(order.ruleset)
    return marshal.dumps(fields), fds


def unpack(text: bytes, fds: list[int]) -> Order:
    order = Order(**marshal.loads(text))
    order.moves = {number: fds[at] for number, at in order.moves.items()}
    order.report = fds[order.report]
    order.cgroup_files = tuple(fds[at] for at in order.cgroup_files)
    order.cgroup = None if order.cgroup is None else fds[order.cgroup]
    order.enter = None if order.enter is None else (fds[order.enter[0]], order.enter[1])
    order.ruleset = None if order.ruleset is None else fds[order.ruleset]
    return order


def serve(supervisor: socket.socket) -> None:
    """Until the supervisor closes its end, or dies while one waits for it. The first descriptor of
    a message holds the order."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while answered(supervisor):
            pass


def answered(supervisor: socket.socket) -> bool:
    """One order; False where none comes any more."""
    _, fds, _, _ = socket.recv_fds(supervisor, 1, FDS_MAX, socket.MSG_CMSG_CLOEXEC)
    if not fds:
        return False
    try:
        text = os.pread(fds[0], os.fstat(fds[0]).st_size, 0)
        answer = born(unpack(text, fds[1:]))
    except OSError as error:
        answer = -(error.errno or 1)
    for fd in fds:
        os.close(fd)
    supervisor.send(struct.pack("=i", answer))
    return True


def born(order: Order) -> int:
    """The pid of a new child of our parent."""
    pid, joined = 0, False
    try:
        pid, joined = clone(CLONE_PARENT, order.cgroup), order.cgroup is not None
    except OSError:
        if order.cgroup is None:
            raise
        pid = clone(CLONE_PARENT)
    if pid == 0:
        become(order, joined=joined)
    return pid


# --- few mounts ---------------------------------------------------------------------------------


def stand_apart(runtime: str) -> None:
    """Into a mount namespace with few mounts, where we may.

    bubblewrap copies all there are, and reads the whole list anew for each mount it makes: 0.023 ms
    per mount and start, and every app's network is one. What comes and goes on the machine still
    does so here, but for the mount `runtime` lies on, on which the networks are pinned.
    """
    try:
        checked(_libc.unshare(CLONE_NEWNS), "unshare")
        mount_flags("/", MS_REC | MS_SLAVE)
        seen = mounts()
        around = [at for at, _ in seen if os.path.commonpath((at, runtime)) == at]
        mount_flags(max(around, key=len), MS_PRIVATE)
    except OSError:
        return
    for at, kind in reversed(seen):
        if kind in SHOWN_TO_NOBODY:
            # It may be gone already, with one it lay on.
            _libc.umount2(os.fsencode(at), MNT_DETACH)


def mounts() -> list[tuple[str, str]]:
    """(where, what kind), oldest first."""
    found: list[tuple[str, str]] = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            at = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4])
            found.append((at, after.split()[0]))
    return found


def main() -> None:
    gc.disable()  # a child that collects touches, and so copies, every page there is
    forget_signals()
    stand_apart(os.path.realpath(sys.argv[2]))
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
