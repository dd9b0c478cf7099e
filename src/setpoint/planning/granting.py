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


def grant(draft: Draft, process: str, formation: Formation) -> Bounds:
    """In the order of the release's process types. One instance of each is always granted."""
    size = DYNO_SIZES.get(formation.size, DYNO_SIZES["basic"])
    _check_size(draft, process, size)
    most = min(formation.max, _instances_offered(draft, process, formation.max))
    most = min(most, _memory_offered(draft, process, most, size))
    draft.memory_granted += most * size.memory_bytes_max
    return Bounds(min(formation.min, most), most, formation.idle_s, formation.boot_s_max)


def _instances_offered(draft: Draft, process: str, wanted: int) -> int:
    offered = draft.capabilities.instances_max
    if wanted > offered:
        because = f"this machine runs at most {offered} instances per process type"
        _clip(draft, process, wanted, offered, "instances_max", because)
    return offered


def _memory_offered(draft: Draft, process: str, wanted: int, size: DynoSize) -> int:
    """How many instances what is left of the machine's memory is good for."""
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
    path, most = f"formation.{process}.max", str(offered)
    draft.unmet.append(
        Unmet(path, str(wanted), most, capability, most, because, *_way_round(draft, capability))
    )


def _check_size(draft: Draft, process: str, size: DynoSize) -> None:
    """One that is larger than the machine starts all the same: it need not come to its limit."""
    memory = draft.capabilities.memory_bytes
    if size.memory_bytes_max <= memory:
        return
    draft.unmet.append(
        Unmet(
            f"formation.{process}.size",
            size.name,
            _mib(memory),
            "memory_bytes",
            _nearest(draft.capabilities),
            f"one {size.name} may take {_mib(size.memory_bytes_max)}, more than the machine has",
            *_way_round(draft, "memory_bytes"),
        )
    )


def _nearest(capabilities: Capabilities) -> str:
    """The largest size that there is memory for, else the smallest there is."""
    by_memory = sorted(DYNO_SIZES.values(), key=lambda s: s.memory_bytes_max)
    fitting = [s for s in by_memory if s.memory_bytes_max <= capabilities.memory_bytes]
    return (fitting[-1] if fitting else by_memory[0]).name


def _way_round(draft: Draft, capability: str) -> tuple[str, str]:
    offers = draft.capabilities
    return offers.provider, offers.workarounds.get(capability, "")


def _mib(count: int) -> str:
    return f"{count // MIB} MiB"
