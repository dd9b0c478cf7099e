"""What must not be there afterwards: processes, control groups, namespaces, files half made."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.sandbox.netlink import Netlink
from tests.acceptance.plane import Plane
from tests.soak.killer import recorded, runs

CGROUPS_DEEP_MAX = 6


def beside_instances(plane: Plane) -> list[str]:
    """Of a settled plane: all that is no instance's on record, and is of no app."""
    paths = Paths.of(plane.data)
    roots = {r.identity.outer_pid for _, r in recorded(plane) if r.identity is not None}
    apps = {app for app, _ in recorded(plane)}
    names = {f"{app}" for app in apps}
    return [
        *_processes(paths, roots),
        *(g for g in _cgroups(paths) if g.partition("@")[0] not in names),
        *_empty_cgroups(paths),
        *_pins(paths, apps),
        *_files(paths, apps),
        *_half_laid(paths),
    ]


def at_all(plane: Plane) -> list[str]:
    """After `down`."""
    paths = Paths.of(plane.data)
    links = [f"link {name}" for name, alias in _links() if paths.installation in alias]
    return [
        *_processes(paths, set()),
        *_plane(paths),
        *_cgroups(paths),
        *links,
        *_pins(paths, set()),
    ]


def _processes(paths: Paths, roots: set[int]) -> Iterator[str]:
    """Programs of this installation's apps that are below none of these. Only where they have
    control groups: user ids would not do, others who run here may have given the same to theirs."""
    parents = {pid: parent for pid, parent in _table() if _belongs(pid, paths)}
    for pid in parents:
        above = pid
        while above in parents and above not in roots:
            above = parents[above]
        if above not in roots and runs(pid):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                yield f"process {pid}: {words.decode(errors='replace')[:100]}"


def _belongs(pid: int, paths: Paths) -> bool:
    with contextlib.suppress(OSError):
        return f"/setpoint-{paths.installation}/" in Path(f"/proc/{pid}/cgroup").read_text()
    return False


def _table() -> Iterator[tuple[int, int]]:
    """(pid, parent) of everything that runs."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(folder.name), parent


def _plane(paths: Paths) -> Iterator[str]:
    wanted = f"SETPOINT_DATA={paths.data}".encode()
    for pid, _ in _table():
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{pid}")
            if wanted in (folder / "environ").read_bytes().split(b"\0") and runs(pid):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                yield f"process {pid}: {words.decode(errors='replace')[:100]}"


def _cgroup_folders(paths: Paths) -> Iterator[Path]:
    root = Path("/sys/fs/cgroup")
    for folder, children, _ in os.walk(root):
        name = f"setpoint-{paths.installation}"
        if name in children:
            yield from (c for c in (Path(folder) / name).iterdir() if c.is_dir())
        if len(Path(folder).relative_to(root).parts) >= CGROUPS_DEEP_MAX:
            children.clear()


def _cgroups(paths: Paths) -> list[str]:
    """Names of instances, in whichever controller."""
    return sorted({folder.name for folder in _cgroup_folders(paths)})


def _empty_cgroups(paths: Paths) -> Iterator[str]:
    for folder in _cgroup_folders(paths):
        with contextlib.suppress(OSError):
            if not (folder / "cgroup.procs").read_text():
                yield f"cgroup {folder.name} is empty"


def _links() -> list[tuple[str, str]]:
    with contextlib.suppress(OSError), Netlink() as netlink:
        return list(netlink.links())
    return []


def _pins(paths: Paths, apps: set[str]) -> Iterator[str]:
    for pin in sorted(paths.netns.glob("*")):
        if pin.name.removesuffix(".link") not in apps:
            yield f"namespace {pin.name}"


def _files(paths: Paths, apps: set[str]) -> Iterator[str]:
    """Of instances that are on no record, and sockets of apps that have none."""
    stems = {file.stem for file in paths.instances.glob("*.json")}
    for file in sorted(paths.instances.glob("*")):
        if file.stem not in stems:
            yield f"file inst/{file.name}"
    for file in sorted(paths.functions.glob("*")):
        if not any(file.name.startswith(app) for app in apps):
            yield f"socket fn/{file.name}"


def _half_laid(paths: Paths) -> Iterator[str]:
    for kind in ("*/.new-*", "*/.gone-*"):
        yield from (f"layer {path.name}" for path in sorted(paths.layers.glob(kind)))
    yield from (f"tree {path.name}" for path in sorted(paths.trees.glob("*")))
