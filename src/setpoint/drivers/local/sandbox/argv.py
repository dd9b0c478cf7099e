"""The command line of bubblewrap. Pure, apart from a look at how the host lays out /lib and /bin.

Everything goes through `--args`: a value on the command line proper would be world-readable in
/proc. The order matters to bubblewrap: what comes later is mounted over what came before.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.local.sandbox.tools import HOSTS, INNER_ID, SHARED_ETC

_WALLS = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
    *("--unshare-cgroup-try", "--disable-userns", "--assert-userns-disabled"),
    *("--new-session", "--clearenv", "--cap-drop", "ALL"),
    *("--uid", str(INNER_ID), "--gid", str(INNER_ID)),
)

SHM_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Descriptors:
    """Numbers that bubblewrap finds its pipes and files under."""

    info: int
    status: int
    filter: int
    arguments: int
    hosts: int


def system_binds(etc: Path) -> tuple[str, ...]:
    """The parts of the host every sandbox shows, read-only. Asked once per start of Setpoint."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = f"/{name}"
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            arguments += ["--ro-bind", path, path]
    arguments += ["--ro-bind", str(etc), "/etc"]
    for name in SHARED_ETC:
        if os.path.exists(f"/etc/{name}") and (etc / name).exists():
            arguments += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    return tuple(arguments)


def sandbox_arguments(
    system: Iterable[str],
    binds: Iterable[tuple[Path, str]],
    env: Mapping[str, str],
    numbers: Descriptors,
    *,
    hostname: str,
    cwd: str,
    memory_bytes_max: int,
    own_network: bool,
    writable: Iterable[tuple[Path, str]] = (),
) -> tuple[str, ...]:
    """`own_network`: bubblewrap makes an empty one; else the caller has entered the app's."""
    network = ("--unshare-net",) if own_network else ()
    mounts = (part for host, inside in binds for part in ("--ro-bind", str(host), inside))
    values = (part for key, value in env.items() for part in ("--setenv", key, value))
    return (
        *_WALLS,
        *network,
        *("--hostname", hostname),
        *system,
        *("--ro-bind-data", str(numbers.hosts), "/etc/hosts"),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(min(SHM_BYTES_MAX, memory_bytes_max)), "--tmpfs", "/dev/shm"),
        *("--size", str(memory_bytes_max), "--tmpfs", "/tmp"),
        *mounts,
        *(part for host, inside in writable for part in ("--bind", str(host), inside)),
        # Without these two, / and /dev are a tmpfs the app may fill.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", cwd),
        *("--info-fd", str(numbers.info), "--json-status-fd", str(numbers.status)),
        *("--seccomp", str(numbers.filter)),
        *values,
    )


def hosts(hostname: str) -> bytes:
    """With its own name: many a server looks that up as it starts, and would ask the nameserver,
    for seconds where that does not answer."""
    return f"{HOSTS}127.0.1.1 {hostname}\n".encode()


def encode(arguments: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
