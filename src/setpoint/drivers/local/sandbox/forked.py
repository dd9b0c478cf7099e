"""Starting an instance by a fork of a process that is inside its app's sandbox already.

Of a start there is left what is the instance's own: cgroup, output, descriptors, environment. What
it will be able to do, it can do already: no wall is raised or lowered by a fork
(`workers/python_function/zygote.py` is the other end).
"""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from setpoint.drivers.local.sandbox import starting as fresh
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.exits import forget
from setpoint.drivers.local.sandbox.identity import look, start_time
from setpoint.drivers.local.sandbox.spec import Identity, Launch
from setpoint.model.errors import Transient

SAID_BYTES_MAX = 4096
CREDENTIALS = struct.Struct("3i")
"""pid, uid, gid: how the kernel vouches for who sent a message"""


@dataclass(frozen=True)
class Forking:
    """A fork under way. `over`: called once it is, however it went."""

    spec: Launch
    confinement: Confinement
    told: socket.socket
    over: Callable[[], None]

    @property
    def fd(self) -> int:
        return self.told.fileno()

    def finish(self) -> Identity:
        """Raises Transient: it has not been forked, or has ended without a word."""
        try:
            pid = self._pid()
        except (OSError, ValueError, Transient) as error:
            spec = self.spec
            forget(self.confinement, None, spec.app, spec.name, spec.status)
            if isinstance(error, Transient):
                raise
            raise Transient(f"cannot fork {spec.name}: {error}") from error
        finally:
            self.told.close()
            self.over()
        return Identity(pid, start_time(pid), 0, 0, self.spec.folder)

    def _pid(self) -> int:
        """As the kernel tells it in our own numbering, whatever the sender believes; 0 if it was
        born, and has ended since."""
        room = socket.CMSG_SPACE(CREDENTIALS.size)
        said, extra, _, _ = self.told.recvmsg(SAID_BYTES_MAX, room)
        document: Any = json.loads(said) if said else {"error": "whoever was to fork has ended"}
        if "error" in document:
            raise Transient(f"cannot fork {self.spec.name}: {document['error']}")
        pid, uid, _ = CREDENTIALS.unpack(extra[0][2])
        expected = os.geteuid() if self.spec.uid is None else self.spec.uid
        if uid != expected:
            raise Transient(f"cannot fork {self.spec.name}: somebody else answered")
        return pid if look(pid) is not None else 0


def begin_fork(
    confinement: Confinement,
    spec: Launch,
    argv: tuple[str, ...],
    zygote: socket.socket,
    over: Callable[[], None] = lambda: None,
) -> Forking:
    """`spec`: as for a fresh start, of which a fork takes what is its own. `argv`: without the
    program. `fds` are a queue and a side channel. Raises Transient."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ours.setblocking(False)
    try:
        with theirs, contextlib.ExitStack() as opened:
            text = json.dumps({"argv": argv, "env": dict(spec.env), "cwd": spec.cwd}).encode()
            by_number = {number: fd for fd, number in spec.fds.items()}
            streams = dict(fresh.standard_streams(spec, opened))
            fds = [
                fresh.memory_file(text, opened),
                *(by_number[number] for number in sorted(by_number)),
                streams[1],
                fresh.open_status(spec, opened),
                theirs.fileno(),
                *fresh.entrances(confinement, spec, opened),
            ]
            socket.send_fds(zygote, [b"fork"], fds)
    except OSError as error:
        ours.close()
        forget(confinement, None, spec.app, spec.name, spec.status)
        raise Transient(f"cannot fork {spec.name}: {error}") from error
    return Forking(spec, confinement, ours, over)
