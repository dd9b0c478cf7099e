"""A relay per instance, where the edge cannot reach into its network: unix socket to 127.0.0.1.

It runs outside the sandbox, in the instance's network namespace only: the app neither sees nor
signals it, and it ends with the app. The socket starts to listen when the app's port answers.
"""

import contextlib
import os
import socket
from pathlib import Path

from setpoint.drivers.local.sandbox import child, plain, syscalls
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.identity import start_time
from setpoint.drivers.local.sandbox.spec import Identity, Launch
from setpoint.workers.forker import Order

_LISTENER, _WATCHED = 3, 4


def start(confinement: Confinement, spec: Launch, identity: Identity) -> None:
    """Raises OSError. Nothing to do if the instance has ended already."""
    assert spec.ingress is not None
    with contextlib.ExitStack() as opened:
        try:
            watched = os.pidfd_open(identity.inner_pid)
        except ProcessLookupError:
            return
        opened.callback(os.close, watched)
        if start_time(identity.inner_pid) != identity.inner_start:
            return
        enter = (watched, syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNET)
        if spec.netns is not None:
            namespace = os.open(spec.netns, os.O_RDONLY | os.O_CLOEXEC)
            opened.callback(os.close, namespace)
            enter = (namespace, syscalls.CLONE_NEWNET)
        listener = opened.enter_context(_bound(Path(spec.ingress.address)))
        command = ("-I", "-S", str(confinement.tools.relay))
        numbers = (str(_LISTENER), str(_WATCHED), str(spec.ingress.port))
        report, silent = 2, os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        opened.callback(os.close, silent)
        order = Order(
            executable=plain.interpreter(),
            command=(plain.interpreter(), *command, *numbers),
            env={},
            cwd="/",
            moves={0: silent, 1: silent, 2: 2, _LISTENER: listener.fileno(), _WATCHED: watched},
            report=report,
            uid=spec.uid,
            enter=enter,
        )
        os.waitpid(child.fork(order, orphaned=True), 0)


def _bound(path: Path) -> socket.socket:
    """Bound, not yet listening: who dials is refused until the app is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    # Who may come here is a matter of the folder it is in.
    path.chmod(0o666)
    return listener
