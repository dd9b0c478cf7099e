"""Where everything lives.

The data directory lasts; the runtime directory is tmpfs where there is one, short (Envoy refuses
socket paths over ~107 bytes) and may be wiped by a reboot.
"""

import os
from pathlib import Path
from typing import NamedTuple

from setpoint.drivers.local import whereabouts


def default_data() -> Path:
    """As `whereabouts` has it."""
    return Path(whereabouts.default_data())


def _tmpfs(folder: str) -> bool:
    """Is `folder` a tmpfs we may write? Read from /proc/mounts; False where there is none."""
    try:
        with open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
            found = any(line.split(" ")[1:3] == [folder, "tmpfs"] for line in mounts)
    except OSError:
        return False
    return found and os.access(folder, os.W_OK | os.X_OK)


def installation(data: Path) -> str:
    """Tells several Setpoints of one machine apart: in control groups, namespaces and folders."""
    import hashlib  # not at the top: the command line rarely asks, and pays for every import

    return hashlib.sha256(os.fsencode(data)).hexdigest()[:8]


def default_runtime(data: Path) -> Path:
    """The same answer for the same data directory, user and machine, every time."""
    uid = os.geteuid()
    name = f"setpoint-{uid}-{installation(data)}"
    own = os.environ.get("XDG_RUNTIME_DIR", "") if uid else ""
    for folder in filter(None, (own, "/run", "/dev/shm")):
        if _tmpfs(folder):
            return Path(folder) / name
    return Path("/tmp") / name


class Paths(NamedTuple):
    """`data` lasts, `runtime` may vanish at any reboot."""

    data: Path
    runtime: Path

    @staticmethod
    def of(data: Path) -> "Paths":
        """For a running Setpoint the recorded runtime directory counts, else the default one."""
        try:
            return Paths(
                data, Path((data / whereabouts.RUNTIME).read_text(encoding="utf-8").strip())
            )
        except OSError:
            return Paths(data, default_runtime(data))

    @property
    def installation(self) -> str:
        return installation(self.data)

    @property
    def tools(self) -> Path:
        """What sandboxes need on disk, copied to where every app's user can reach it."""
        return self.data / "tools"

    # --- lasting ---
    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def stopped(self) -> Path:
        """When Setpoint was last stopped with its apps."""
        return self.data / "stopped"

    @property
    def private(self) -> Path:
        """Store, key and tokens: the daemon's alone."""
        return self.data / "private"

    @property
    def database(self) -> Path:
        return self.private / "setpoint.sqlite3"

    @property
    def key(self) -> Path:
        return self.private / "key"

    @property
    def token(self) -> Path:
        """The local admin's API token."""
        return self.data / whereabouts.TOKEN

    @property
    def repositories(self) -> Path:
        """<app id>.git: what was pushed, the daemon's alone."""
        return self.private / "repositories"

    @property
    def tls(self) -> Path:
        """The API's certificate authority, made and kept by the daemon; its `ca.pem` is for all."""
        return self.data / "tls"

    @property
    def api_authority(self) -> Path:
        """What callers of the API over TLS are to trust."""
        return self.tls / "ca.pem"

    @property
    def api_certificate(self) -> Path:
        """The API's own, with its key; made anew at each start."""
        return self.private / "api.pem"

    @property
    def ports(self) -> Path:
        """Which ports the last `up` listened on, by name."""
        return self.data / "ports.json"

    @property
    def sources(self) -> Path:
        """Uploaded archives, named <digest>.tar.gz: written by the daemon, read by the builder."""
        return self.data / "sources"

    @property
    def layers(self) -> Path:
        """Immutable, by content: layers/code/<digest>, layers/deps/<digest>."""
        return self.data / "layers"

    @property
    def cache(self) -> Path:
        """The builder's caches: of downloads, and of bytecode."""
        return self.data / "cache"

    @property
    def build_caches(self) -> Path:
        """<app id>/: what an app's own build commands keep for the next build, the app's alone."""
        return self.data / "build-caches"

    @property
    def trees(self) -> Path:
        """Trees that build commands run on, for as long as they run."""
        return self.data / "trees"

    @property
    def builds(self) -> Path:
        """<build id>.log and <build id>.json."""
        return self.data / "builds"

    @property
    def logs(self) -> Path:
        """Lines of apps, the supervisor's: logs/<app id>/..."""
        return self.data / "logs"

    @property
    def supervisor(self) -> Path:
        """What the supervisor must remember beyond a reboot: fences, uids."""
        return self.data / "supervisor"

    @property
    def job_ledger(self) -> Path:
        """Every job id the supervisor was ever told of, for 30 days."""
        return self.supervisor / "jobs"

    @property
    def edge(self) -> Path:
        """The edge agent's last snapshot."""
        return self.data / "edge"

    @property
    def plane_logs(self) -> Path:
        """The operator's logs, one file per process of the plane."""
        return self.data / "log"

    # --- until the next reboot ---
    @property
    def api_socket(self) -> Path:
        return self.runtime / whereabouts.API_SOCKET

    @property
    def keeper_socket(self) -> Path:
        return self.runtime / "keeper.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.runtime / "supervisor.sock"

    @property
    def edge_socket(self) -> Path:
        """The edge agent's control socket."""
        return self.runtime / "edge.sock"

    @property
    def plane(self) -> Path:
        """A record per process of the plane, for the next `up` and for status."""
        return self.runtime / "plane"

    @property
    def xds_socket(self) -> Path:
        """ADS, SDS, Check and access log, for Envoy."""
        return self.runtime / "xds.sock"

    @property
    def envoy_admin(self) -> Path:
        return self.runtime / "envoy" / "admin.sock"

    @property
    def functions(self) -> Path:
        """Listening sockets of functions and relays."""
        return self.runtime / "fn"

    @property
    def imports(self) -> Path:
        """What functions imported, by code and packages: names of modules."""
        return self.supervisor / "imports"

    @property
    def instances(self) -> Path:
        """Records and FIFOs of live instances."""
        return self.runtime / "inst"

    @property
    def jobs(self) -> Path:
        """Records and FIFOs of running jobs."""
        return self.runtime / "jobs"

    @property
    def orders(self) -> Path:
        """Standing orders with their environment: config values in clear, for root alone."""
        return self.runtime / "orders"

    @property
    def fences(self) -> Path:
        """The newest of what lies in `supervisor`, until that is synced."""
        return self.runtime / "fences"

    @property
    def netns(self) -> Path:
        return self.runtime / "net"
