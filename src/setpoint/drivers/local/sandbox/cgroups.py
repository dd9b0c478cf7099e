"""Limits on memory, processes and CPU: one folder per installation, one in it per instance.

Both flavours of the kernel interface: v1 has a tree per controller, v2 a single one. Our folder
sits below wherever the supervisor itself is, never at the root unless it is there.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.local.sandbox import shortages
from setpoint.drivers.local.sandbox.shortages import write

CONTROLLERS = ("memory", "pids", "cpu")
FROZEN_TRIES, FROZEN_S = 10, 0.0005
UNIFIED = ""
"""the key of the one v2 tree"""
PLANE = "setpoint-plane"
"""v2 allows processes only in leaves: the plane's own go here"""


APPS_WEIGHT_PER_CPU = 400
"""Of all apps together, where 100 is one ordinary process's. The kernel divides a group's weight
among CPUs by what it did there lately, so that a start, which is short and new, gets about a
quarter: at 100 in all it took 2.5 times as long as without a cgroup beside two busy processes."""
SHARES_MAX, WEIGHT_MAX = 262144, 10000
DEPTH_MAX = 6
"""how deep below a mount our folder is looked for: a session's scope lies three deep"""


@dataclass(frozen=True)
class Mount:
    """One hierarchy. `root`: which part of it is mounted, `at`: where."""

    root: str
    at: Path


@dataclass(frozen=True)
class Limits:
    """`cpu_weight`: share under contention, 1 to 10000, 100 is ordinary."""

    memory_bytes_max: int
    pids_max: int
    cpu_weight: int


@dataclass(frozen=True)
class Cgroups:
    """`roots`: our folder per controller in v1; the one folder under UNIFIED in v2."""

    roots: Mapping[str, Path]

    @property
    def unified(self) -> bool:
        return UNIFIED in self.roots

    def make(self, name: str, limits: Limits) -> tuple[Path, ...]:
        """Make or adopt the folders of one instance and set its limits."""
        return tuple(self._make_one(kind, name, limits) for kind in self.roots)

    def _make_one(self, kind: str, name: str, limits: Limits) -> Path:
        root = self.roots[kind]
        if not root.is_dir():
            _make_root(kind, root)
        folder = root / name
        folder.mkdir(exist_ok=True)
        for file, value in _settings(kind, limits).items():
            write(folder / file, value)
        return folder

    def members(self, name: str) -> set[int]:
        """Host pids of everything in there. Empty when there is no such folder."""
        for root in self.roots.values():
            with contextlib.suppress(OSError, ValueError):
                return {int(pid) for pid in (root / name / "cgroup.procs").read_text().split()}
        return set()

    def names(self) -> list[str]:
        found: set[str] = set()
        for root in self.roots.values():
            with contextlib.suppress(OSError), os.scandir(root) as entries:
                found |= {entry.name for entry in entries if entry.is_dir()}
        return sorted(found)

    def oom_kills(self, name: str) -> int:
        file = "memory.events" if self.unified else "memory.oom_control"
        root = self.roots.get(UNIFIED) or self.roots.get("memory")
        if root is None:
            return 0
        with contextlib.suppress(OSError, ValueError):
            for line in (root / name / file).read_text().splitlines():
                key, value = line.split()
                if key == "oom_kill":
                    return int(value)
        return 0

    def watch_shortage(self, name: str) -> int | None:
        """Readable once something in there needs more memory than it may have; with v1 once the
        folder goes, too. It may be woken in vain: look. Raises OSError."""
        folder = self._memory_folder(name)
        if folder is None:
            return None
        return shortages.watch_unified(folder) if self.unified else shortages.watch_v1(folder)

    def is_short(self, name: str) -> bool:
        """Does something in there wait for memory that it may not have?"""
        folder = self._memory_folder(name)
        if folder is None:
            return False
        short = shortages.is_short_unified if self.unified else shortages.is_short_v1
        return short(folder)

    def halt(self, name: str, *, halted: bool = True) -> None:
        """Nothing in there goes on. v1: what is short of memory sleeps anyway."""
        if self.unified:
            folder = self.roots[UNIFIED] / name
            with contextlib.suppress(OSError):
                write(folder / "cgroup.freeze", str(int(halted)))
                if halted:
                    _await_frozen(folder)

    def _memory_folder(self, name: str) -> Path | None:
        root = self.roots.get(UNIFIED) or self.roots.get("memory")
        return root / name if root is not None else None

    def memory_bytes_allowed(self) -> int | None:
        """The narrowest bound around our own folder, or None: a container has less than its host.
        The kernel says "max" where there is none, or in v1 a number beyond every machine."""
        file = "memory.max" if self.unified else "memory.limit_in_bytes"
        root = self.roots.get(UNIFIED) or self.roots.get("memory")
        found: list[int] = []
        for folder in root.parents if root is not None else ():
            with contextlib.suppress(OSError, ValueError):
                found.append(int((folder / file).read_text()))
        return min(found, default=None)

    def kill(self, name: str) -> None:
        """Everything in there at once, and nothing in there forks any more."""
        for root in self.roots.values():
            with contextlib.suppress(OSError):
                write(root / name / "pids.max", "0")
                write(root / name / "cgroup.kill", "1")  # v2
        for pid in self.members(name):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def memory_bytes_used(self, name: str) -> int:
        """0 where nobody knows."""
        file = "memory.current" if self.unified else "memory.usage_in_bytes"
        root = self.roots.get(UNIFIED) or self.roots.get("memory")
        with contextlib.suppress(OSError, ValueError):
            return int((root / name / file).read_text()) if root is not None else 0
        return 0

    def memory_bytes_held(self, name: str) -> int:
        """What the kernel cannot take back: without its caches of files. 0 where nobody knows."""
        root = self.roots.get(UNIFIED) or self.roots.get("memory")
        held = ("anon", "shmem") if self.unified else ("total_rss", "total_shmem")
        with contextlib.suppress(OSError, ValueError):
            if root is not None:
                lines = (root / name / "memory.stat").read_text().splitlines()
                counted = dict(line.split(" ", 1) for line in lines)
                return sum(int(counted.get(kind, "0")) for kind in held)
        return 0

    def remove(self, name: str) -> bool:
        """False while something in there still dies: ask again later. Absent is success."""
        busy = [root for root in self.roots.values() if not _remove(root / name)]
        return not busy

    def remove_all(self) -> bool:
        """Every empty folder of this installation, then its own. False if something is left."""
        busy = [name for name in self.names() if not self.remove(name)]
        return not busy and all(_remove(root) for root in self.roots.values())


def _settings(kind: str, limits: Limits) -> dict[str, str]:
    """File name -> value. In the order in which the kernel accepts them."""
    memory = str(limits.memory_bytes_max)
    match kind:
        case "memory":
            return {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
        case "pids":
            return {"pids.max": str(limits.pids_max)}
        case "cpu":
            return {"cpu.shares": str(_shares(limits.cpu_weight))}
        case _:
            return {
                "memory.max": memory,
                "memory.swap.max": "0",
                "pids.max": str(limits.pids_max),
                "cpu.weight": str(limits.cpu_weight),
            }


def _shares(weight: int) -> int:
    """v1 counts in other units: 1024 is ordinary."""
    return max(2, weight * 1024 // 100)


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


# --- what this machine offers -------------------------------------------------------------------


def find(installation: str) -> tuple[Cgroups | None, str]:
    """Make this installation's folders. Answers (None, why) where nothing can be limited."""
    mounts = _mounts(Path("/proc/self/mountinfo"))
    own = dict(_own_folders(mounts, Path("/proc/self/cgroup")))
    name = f"setpoint-{installation}"
    try:
        if any(controller in own for controller in CONTROLLERS):
            roots = {c: _v1_root(c, mounts[c], own[c], name) for c in CONTROLLERS if c in own}
        elif UNIFIED in own:
            found = _existing(mounts[UNIFIED], name)
            roots = {UNIFIED: found or _unified_root(own[UNIFIED], name)}
        else:
            return None, "no cgroup hierarchy is mounted"
    except OSError as error:
        return None, f"no cgroup of its own can be made ({error.strerror or error})"
    return Cgroups(roots), ""


def _mounts(mountinfo: Path) -> dict[str, Mount]:
    """By controller, or UNIFIED."""
    found: dict[str, Mount] = {}
    for line in mountinfo.read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        mount = Mount(root=fields[3], at=Path(fields[4]))
        if kind == "cgroup":
            found.update(dict.fromkeys(options.split(","), mount))
        elif kind == "cgroup2":
            found[UNIFIED] = mount
    return found


def _own_folders(mounts: Mapping[str, Mount], membership: Path) -> Iterator[tuple[str, Path]]:
    """(controller or UNIFIED, the folder this process is in), as seen through the mounts."""
    for line in membership.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                mount = mounts[controller]
                folder = mount.at / os.path.relpath(path, mount.root)
                yield controller, Path(os.path.normpath(folder))


def _v1_root(kind: str, mount: Mount, own: Path, name: str) -> Path:
    root = _existing(mount, name) or own / name
    _make_root(kind, root)
    return root


def _existing(mount: Mount, name: str) -> Path | None:
    """This installation's folder, which a supervisor in another session may have made."""
    for folder, children, _ in os.walk(mount.at):
        if name in children:
            return Path(folder) / name
        if len(Path(folder).relative_to(mount.at).parts) >= DEPTH_MAX:
            children.clear()
    return None


def _unified_root(own: Path, name: str) -> Path:
    """v2 hands controllers only to the children of a folder without processes."""
    base = own.parent if own.name == PLANE else own
    if not {"memory", "pids"} <= set(_offered(base)):
        raise OSError(0, "the memory and pids controllers are not delegated to this cgroup")
    try:
        _hand_down(base)
    except OSError:
        _move_plane(base)
        _hand_down(base)
    _make_root(UNIFIED, base / name)
    return base / name


def _make_root(kind: str, root: Path) -> None:
    root.mkdir(exist_ok=True)
    weight = APPS_WEIGHT_PER_CPU * (os.cpu_count() or 1)
    if kind == UNIFIED:
        _hand_down(root)
        write(root / "cpu.weight", str(min(WEIGHT_MAX, weight)))
    if kind == "cpu":
        write(root / "cpu.shares", str(min(SHARES_MAX, _shares(weight))))


def _offered(folder: Path) -> list[str]:
    return (folder / "cgroup.controllers").read_text().split()


def _hand_down(folder: Path) -> None:
    """v2: children of this folder get the controllers it has."""
    wanted = " ".join(f"+{c}" for c in CONTROLLERS if c in _offered(folder))
    write(folder / "cgroup.subtree_control", wanted)


def _move_plane(base: Path) -> None:
    """Only when everybody in there is our own family: the keeper, and what it started."""
    pids = [int(pid) for pid in (base / "cgroup.procs").read_text().split()]
    if base == Path("/sys/fs/cgroup") or not all(_is_family(pid) for pid in pids):
        raise OSError(0, "this cgroup is shared; start Setpoint in a scope of its own")
    leaf = base / PLANE
    leaf.mkdir(exist_ok=True)
    for pid in pids:
        write(leaf / "cgroup.procs", str(pid))


def _is_family(pid: int) -> bool:
    """Our parent, or one of its descendants."""
    while pid > 1:
        if pid == os.getppid():
            return True
        with open(f"/proc/{pid}/stat", "rb") as stat:
            pid = int(stat.read().rpartition(b")")[2].split()[1])
    return False


def _await_frozen(folder: Path) -> None:
    """It takes until each thread in there has come by; what sleeps in a call of the kernel may
    take longer, and can write no answer either. Raises OSError."""
    for _ in range(FROZEN_TRIES):
        if "frozen 1" in (folder / "cgroup.events").read_text():
            return
        time.sleep(FROZEN_S)
