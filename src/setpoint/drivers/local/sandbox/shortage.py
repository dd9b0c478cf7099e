"""What needs more memory than it may have: it sleeps, its callers are told, and then it is ended.

Left to itself the kernel ends it at once, and who waits for its answer hears nothing. Its control
group lets it sleep instead, or slows it down, and says so (`shortages`); what it had in hand is
then answered over descriptors taken from it.
"""

import contextlib
import os
import socket
from collections.abc import Iterator

from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.identity import halt, kill, members
from setpoint.drivers.local.sandbox.spec import Identity, folder_name
from setpoint.drivers.local.sandbox.syscalls import take_descriptor

ANSWERING = 1
"""SO_PRIORITY of a connection whose answer has begun, which a second one would garble: the one mark
that a process may put on a unix socket and another can read."""


def watch(confinement: Confinement, app: str, name: str) -> int | None:
    """A descriptor that becomes readable once the instance needs more than it may have. None
    where nobody tells."""
    groups = confinement.cgroups
    with contextlib.suppress(OSError):
        return None if groups is None else groups.watch_shortage(folder_name(app, name))
    return None


def is_short(confinement: Confinement, app: str, name: str) -> bool:
    groups = confinement.cgroups
    return groups is not None and groups.is_short(folder_name(app, name))


def answer(confinement: Confinement, identity: Identity, queue: str, reply: bytes) -> int:
    """To whoever it has not begun to answer. `queue`: the name of the socket it accepts from.
    How many were told."""
    count = 0
    for pid in members(confinement, identity):
        for connection in _accepted(pid, queue):
            with contextlib.suppress(OSError):
                connection.send(reply, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                connection.shutdown(socket.SHUT_WR)
                count += 1
    return count


def end(confinement: Confinement, identity: Identity, queue: str, reply: bytes) -> int:
    """`answer` for it while it does nothing, and kill it. How many were told."""
    halt(confinement, identity)
    try:
        count = answer(confinement, identity, queue, reply)
        kill(confinement, identity)
    finally:
        halt(confinement, identity, halted=False)
    return count


def _accepted(pid: int, queue: str) -> Iterator[socket.socket]:
    """Copies of the connections that wait for their answer, each until the next."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        for number in _sockets(pid):
            with contextlib.suppress(OSError):
                taken = socket.socket(fileno=take_descriptor(pidfd, number))
                with taken:
                    if _waits(taken, queue):
                        yield taken
    finally:
        os.close(pidfd)


def _sockets(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                    found.append(int(name))
    return found


def _waits(taken: socket.socket, queue: str) -> bool:
    return (
        taken.family == socket.AF_UNIX
        and taken.getsockname() == queue
        and not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        and taken.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) != ANSWERING
    )
