"""Where the edge dials an instance's port, and whether it answers there."""

import errno
import select
import socket
from pathlib import Path

from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.netns import app_address
from setpoint.model.errors import Terminal
from setpoint.model.process import Endpoint

CONNECT_MS_MAX = 5
"""Everything dialled here is on this machine: who takes longer isn't ready."""


def endpoint(confinement: Confinement, runtime: Path, app: str, port: int) -> Endpoint:
    """`port`: what the app was told as $PORT. Unique among the app's instances; with ingress
    'ip', where all apps share the host's ports, unique on this machine."""
    match confinement.ingress:
        case "veth":
            return Endpoint(kind="veth", address=app_address(runtime, app), port=port)
        case "relay":
            path = runtime / "fn" / f"{app}-{port}.relay"
            return Endpoint(kind="relay", address=str(path), port=port)
        case "ip":
            return Endpoint(kind="ip", address="127.0.0.1", port=port)
        case other:
            raise Terminal(f"cannot reach port {port} of {app}: no way in by {other}")


def connectable(endpoint: Endpoint) -> bool:
    """Does somebody accept connections there now? Waits a few milliseconds at most."""
    match endpoint.kind:
        case "pipe" | "relay":
            return _answers(socket.AF_UNIX, endpoint.address)
        case "veth" | "ip":
            return _answers(socket.AF_INET, (endpoint.address, endpoint.port))
        case "netns":
            raise Terminal("cannot dial into a namespace from here: no level uses this way in")


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        probe.setblocking(False)
        result = probe.connect_ex(address)
        if result != errno.EINPROGRESS:
            return result == 0
        waiting = select.poll()
        waiting.register(probe, select.POLLOUT)
        if not waiting.poll(CONNECT_MS_MAX):
            return False
        return probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
