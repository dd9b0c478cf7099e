"""What is granted of a formation: as much as this infrastructure offers; the rest is told as unmet.

Each app is held against the whole machine: what other apps want is not known here, so nobody's
wishes can be read off another's status.
"""

from setpoint.model.app import DYNO_SIZES, MIB, DynoSize, Formation
from setpoint.model.capability import Capabilities, Unmet
from setpoint.model.process import Bounds
from setpoint.planning.draft import Draft

OVERCOMMIT = 4
"""A size is the most an instance may take, and most take a fraction of it: so many times the
machine's memory is granted to one app."""


OFFERS = "instances_max or memory_bytes"
"""of which how many are granted depends"""

SMALLEST = next(iter(DYNO_SIZES.values()))


def grant(draft: Draft, process: str, formation: Formation) -> Bounds:
    """In the order of the release's process types. One instance of each is always granted."""
    size = size_of(formation)
    _check_size(draft, process, size)
    most = min(formation.max, _instances_offered(draft, process, formation.max))
    most = min(most, _memory_offered(draft, process, most, size))
    draft.memory_granted += most * size.memory_bytes_max
    least = min(formation.min, most)
    return Bounds(least, most, formation.idle_s, formation.boot_s_max, formation.concurrency)


def size_of(formation: Formation) -> DynoSize:
    return DYNO_SIZES.get(formation.size, DYNO_SIZES["basic"])


def shortage(draft: Draft, process: str) -> Unmet | None:
    """What keeps it from having as many as are intended: of several, the one that lets it have
    least."""
    path = _path(process)
    return next((unmet for unmet in reversed(draft.unmet) if unmet.path == path), None)


def _path(process: str) -> str:
    return f"formation.{process}.max"


def _instances_offered(draft: Draft, process: str, wanted: int) -> int:
    draft.want("instances_max", most=wanted)
    offered = draft.capabilities.instances_max
    if wanted > offered:
        because = f"this machine runs at most {offered} instances per process type"
        _clip(draft, process, wanted, offered, "instances_max", because)
    return offered


def _memory_offered(draft: Draft, process: str, wanted: int, size: DynoSize) -> int:
    """How many instances what is left of the machine's memory is good for."""
    if wanted > 1:
        in_all = draft.memory_granted + wanted * size.memory_bytes_max
        draft.want("memory_bytes", most=-(-in_all // OVERCOMMIT))
    left = draft.capabilities.memory_bytes * OVERCOMMIT - draft.memory_granted
    offered = max(1, left // size.memory_bytes_max)
    if wanted > offered:
        because = (
            f"this machine has {_mib(draft.capabilities.memory_bytes)}, and grants one app "
            f"{OVERCOMMIT} times that; one {size.name} may take {_mib(size.memory_bytes_max)}"
        )
        _clip(draft, process, wanted, offered, "memory_bytes", because)
    return offered


def _clip(
    draft: Draft, process: str, wanted: int, offered: int, capability: str, because: str
) -> None:
    draft.fall_short(_path(process), str(wanted), str(offered), capability, because)


def _check_size(draft: Draft, process: str, size: DynoSize) -> None:
    """One that is larger than the machine starts all the same: it need not come to its limit. Of
    the smallest nothing is told: there is none to ask for instead."""
    if size.memory_bytes_max == SMALLEST.memory_bytes_max:
        return
    draft.want("sizes", one=size.name)
    if size.name in draft.capabilities.sizes:
        return
    draft.want("memory_bytes")
    memory = _mib(draft.capabilities.memory_bytes)
    draft.fall_short(
        f"formation.{process}.size",
        size.name,
        memory,
        "sizes",
        f"one {size.name} may take {_mib(size.memory_bytes_max)}, more than the {memory} there are",
        nearest=_nearest(draft.capabilities),
    )


def _nearest(capabilities: Capabilities) -> str:
    """The largest size that there is memory for, else the smallest of all."""
    return capabilities.sizes[-1] if capabilities.sizes else SMALLEST.name


def _mib(count: int) -> str:
    return f"{count // MIB} MiB"
