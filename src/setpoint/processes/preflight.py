"""What must hold before the plane starts: one owner of the data, folders, sockets and free ports.

Everything here either succeeds or raises Refused with the next step; nothing is left running.
"""

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from setpoint.drivers.local import disk
from setpoint.drivers.local.paths import Paths
from setpoint.model.app import MIB
from setpoint.model.errors import Refused
from setpoint.model.retention import Headroom, Retention
from setpoint.policy import headroom
from setpoint.processes import leftovers
from setpoint.processes.accounts import Accounts

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
OLD_PLANE_S_MAX = 5.0


def take_lock(paths: Paths) -> int:
    """The data directory's lock, before any socket is bound. Closed on exec, so it dies with us.

    Raises Refused when another Setpoint holds it or the directory cannot be made.
    """
    try:
        paths.data.mkdir(mode=0o711, parents=True, exist_ok=True)
        fd = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Refused(
            f"cannot use data directory {paths.data}: {error.strerror}",
            "choose another one with --data",
        ) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "?"
        os.close(fd)
        raise Refused(
            f"cannot start Setpoint on {paths.data}: it already runs there (pid {holder})",
            "see `setpoint status`, or choose another directory with --data",
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def check_reachable(paths: Paths, accounts: Accounts) -> None:
    """Apps run as their own users, so each folder above the data must let them pass."""
    if not accounts.separate:
        return
    for folder in paths.data.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise Refused(
                f"cannot use data directory {paths.data}: {folder} is closed to other users,"
                " and each app runs as one",
                "choose another one with --data, for example /var/lib/setpoint",
            )


def scarcity(paths: Paths, retention: Retention) -> str:
    """A warning where the disk is too full to deploy, or ''. Apps are served all the same."""
    free, total = disk.space(paths.data)
    room = Headroom(free, total, str(paths.data))
    if not headroom.is_low(room, retention):
        return ""
    return (
        f"warning: {headroom.words(room)}, so nothing is deployed: {free // MIB:,} MiB are free at "
        f"{paths.data}; {headroom.next_step(room)}"
    )


def make_folders(paths: Paths, who: Accounts) -> None:
    """Every folder with its owner and mode. Sealed ones are for one process of the plane alone."""
    plane = who.plane
    for folder, owner, group, mode in (
        (paths.data, None, None, 0o711),
        (paths.private, who.daemon, who.daemon, 0o700),
        (paths.tls, who.daemon, who.daemon, 0o755),
        (paths.sources, who.daemon, plane, 0o750),
        (paths.layers, who.builder, plane, 0o755),
        (paths.cache, who.builder, who.builder, 0o700),
        (paths.builds, who.builder, plane, 0o750),
        (paths.logs, None, plane, 0o750),
        (paths.supervisor, None, None, 0o700),
        (paths.edge, who.edge, who.edge, 0o700),
        (paths.plane_logs, None, None, 0o700),
        (paths.tools, None, None, 0o755),
        (paths.runtime, None, None, 0o711),
        (paths.functions, None, who.envoy, 0o711),
        (paths.instances, None, None, 0o700),
        (paths.netns, None, None, 0o711),
        (paths.envoy_admin.parent, who.envoy, who.envoy, 0o700),
    ):
        _make_folder(folder, _or_keep(owner), _or_keep(group), mode)
    where = paths.data / "runtime"
    try:
        where.write_text(f"{paths.runtime}\n", encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot write {where}: {error.strerror}", "free some space") from None


def _make_folder(folder: Path, owner: int, group: int, mode: int) -> None:
    """Raises Refused. One that is as it should be may lie on a disk that takes no writes."""
    try:
        folder.mkdir(exist_ok=True, parents=True)
        now = folder.stat()
        if stat.S_IMODE(now.st_mode) != mode:
            folder.chmod(mode)
        if owner not in (-1, now.st_uid) or group not in (-1, now.st_gid):
            os.chown(folder, owner, group)
    except OSError as error:
        raise Refused(
            f"cannot use folder {folder}: {error.strerror}",
            "see what is there and whether its disk takes writes; --data chooses another place",
        ) from None


def _or_keep(id_: int | None) -> int:
    return -1 if id_ is None else id_


def bind_unix(path: Path, *, uid: int | None, gid: int | None, mode: int) -> socket.socket:
    """Listening at `path`, replacing what an earlier plane left there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener.bind(str(path))
    path.chmod(mode)
    os.chown(path, _or_keep(uid), _or_keep(gid))
    listener.listen(BACKLOG)
    return listener


def bind_loopback(port: int, what: str, flag: str) -> socket.socket:
    """Listening on 127.0.0.1. Port 0 picks a free one. Raises Refused when it is taken."""
    return bind(LOOPBACK, port, what, flag)


def bind(address: str, port: int, what: str, flag: str) -> socket.socket:
    """Listening on an address of this machine. Raises Refused when it is taken, or is none."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            fact = error.strerror or str(error)
            raise Refused(f"cannot start {what} on {address}:{port}: {fact}") from None
        raise Refused(
            f"cannot start {what}: port {port} on {address} is already in use",
            f"free it, or choose another one with {flag} (0 picks a free one)",
        ) from None
    return listener


def free_port(port: int, what: str, flag: str) -> int:
    """Check that a port which Envoy will bind itself is free; 0 picks one. Raises Refused."""
    with bind_loopback(port, what, flag) as probe:
        return probe.getsockname()[1]


def remembered_ports(paths: Paths) -> dict[str, int]:
    """The ports of the last start: what was picked for 0 stays the same across restarts."""
    try:
        ports: dict[str, int] = json.loads(paths.ports.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return ports


def remember_ports(paths: Paths, ports: dict[str, int]) -> None:
    paths.ports.write_text(json.dumps(ports) + "\n", encoding="utf-8")


# --- what an earlier keeper left running ------------------------------------------------------


def record_process(paths: Paths, name: str, pid: int, epoch: int, why: str) -> None:
    """So that the next `up` finds this process should the keeper die. Tmpfs, no fsync. `why`: what
    was wrong with the one before it."""
    paths.plane.mkdir(mode=0o755, parents=True, exist_ok=True)
    temporary = paths.plane / f".{name}"
    temporary.write_text(
        json.dumps({"pid": pid, "start": start_time(pid), "epoch": epoch, "why": why}),
        encoding="utf-8",
    )
    temporary.replace(paths.plane / f"{name}.json")


def start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat: with the pid, an identity. None for what has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def end_old_plane(paths: Paths, *, but: str = "") -> None:
    """Stop what a dead keeper left, except instances (they are adopted) and the process `but`."""
    for _, pid, _ in _old_processes(paths, but):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _await_gone(paths, but)


def serving_epoch(paths: Paths, name: str) -> int | None:
    """The epoch of a process that a dead keeper left running, or None."""
    return next((epoch for old, _, epoch in _old_processes(paths, "") if old == name), None)


def note_stop(paths: Paths) -> None:
    """What ran until now was ended by us, with its orders. On a full disk it will count as gone."""
    with contextlib.suppress(OSError):
        paths.stopped.write_text(f"{time.time_ns()}\n", encoding="utf-8")
        paths.stopped.chmod(0o644)


def _old_processes(paths: Paths, but: str) -> Iterator[tuple[str, int, int]]:
    """(name, pid, epoch) of each process that still runs. One whose record is lost goes without a
    name here: nothing can take over from it any more."""
    recorded = list(_recorded(paths))
    yield from (entry for entry in recorded if entry[0] != but)
    names = {name for name, _, _ in recorded}
    yield from (("", pid, 0) for name, pid in leftovers.running(paths) if name not in names)


def _recorded(paths: Paths) -> Iterator[tuple[str, int, int]]:
    for record in sorted(paths.plane.glob("*.json")) if paths.plane.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, KeyError):
            entry: dict[str, int] = json.loads(record.read_text(encoding="utf-8"))
            if start_time(entry["pid"]) == entry["start"]:
                yield record.stem, entry["pid"], entry["epoch"]


def _await_gone(paths: Paths, but: str) -> None:
    deadline_s = time.monotonic() + OLD_PLANE_S_MAX
    while left := list(_old_processes(paths, but)):
        if time.monotonic() > deadline_s:
            for _, pid, _ in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
