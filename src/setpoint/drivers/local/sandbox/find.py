"""Finding our running instances when every record of them is gone.

At L3 by cgroup, which an app can't fake. Below, by the marker on bubblewrap's own command line,
looked for only in processes outside any sandbox.
"""

from collections.abc import Iterator

from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.identity import look, pids, start_time
from setpoint.drivers.local.sandbox.spec import Identity, split_folder

COMMAND_BYTES_MAX = 4096


def find_ours(confinement: Confinement) -> list[tuple[str, str, Identity]]:
    """(name, app, identity) of each. About 1 ms per instance."""
    found: list[tuple[str, str, Identity]] = []
    for folder, members in _candidates(confinement):
        parts = split_folder(folder)
        identity = _identify(confinement, folder, members)
        if parts is not None and identity is not None:
            found.append((parts[1], parts[0], identity))
    return found


def _candidates(confinement: Confinement) -> Iterator[tuple[str, set[int]]]:
    """(folder, host pids)."""
    groups = confinement.cgroups
    if groups is not None:
        for folder in groups.names():
            yield folder, groups.members(folder)
        return
    prefix = confinement.marker("")
    marked: dict[str, set[int]] = {}
    children: dict[int, set[int]] = {}
    for pid in pids():
        seen = look(pid)
        if seen is None:
            continue
        children.setdefault(seen.parent, set()).add(pid)
        for word in _command(pid):
            if word.startswith(prefix) and _depth(pid) <= 2:
                marked.setdefault(word.removeprefix(prefix), set()).add(pid)
    for folder, members in marked.items():
        yield folder, members.union(*(children.get(pid, set()) for pid in members))


def _identify(confinement: Confinement, folder: str, members: set[int]) -> Identity | None:
    inner = _inner(confinement, folder, members)
    if inner is None:
        return _forked(confinement, folder, members)
    outer = _parent(inner)
    if outer not in members or confinement.marker(folder) not in _command(outer):
        outer = 0
    return Identity(inner, start_time(inner), outer, start_time(outer))


def _forked(confinement: Confinement, folder: str, members: set[int]) -> Identity | None:
    """Below the init of another sandbox, which is not among them."""
    if not confinement.hides:
        return None
    inside = [pid for pid in members if len(_namespace_pids(pid)) > 1]
    first = min(inside, key=start_time, default=None)
    return None if first is None else Identity(first, start_time(first), 0, 0, folder)


def _inner(confinement: Confinement, folder: str, members: set[int]) -> int | None:
    """Init of a pid namespace just below ours; at L0 the oldest child of the monitor."""
    if confinement.hides:
        return next((pid for pid in sorted(members) if _namespace_pids(pid)[1:] == [1]), None)
    marker = confinement.marker(folder)
    monitors = {pid for pid in members if marker in _command(pid)}
    below = [pid for pid in members - monitors if _parent(pid) in monitors]
    return min(below, key=start_time, default=None)


def _parent(pid: int) -> int:
    seen = look(pid)
    return seen.parent if seen else 0


def _depth(pid: int) -> int:
    return len(_namespace_pids(pid))


def _namespace_pids(pid: int) -> list[int]:
    """Its number in each pid namespace from ours downwards."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            for line in status:
                if line.startswith("NSpid:"):
                    return [int(number) for number in line.split()[1:]]
    except OSError:
        pass
    return []


def _command(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read(COMMAND_BYTES_MAX).split("\0")
    except OSError:
        return []
