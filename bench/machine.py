"""What a figure depends on and cannot show by itself: the machine, and how busy it was."""

import os
import platform
import time
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """No name and no address: a report is for everyone. `user`: root, or an ordinary one."""

    cores: int
    processor: str
    memory_gib: float
    kernel: str
    python: str
    user: str


def this_machine() -> Machine:
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gib=round(memory_bytes / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        user="root" if os.geteuid() == 0 else "an ordinary user",
    )


def load_now() -> float:
    """How many wanted to run, on average of the last minute."""
    return round(os.getloadavg()[0], 2)


def busy_cores(for_s: float) -> float:
    """How many cores' worth of time were not idle, from now on; what others steal counts too."""
    (busy, idle), began_s = _ticks(), time.monotonic()
    time.sleep(for_s)
    (busy_then, idle_then), took_s = _ticks(), time.monotonic() - began_s
    passed = busy_then - busy + idle_then - idle
    cores = passed / os.sysconf("SC_CLK_TCK") / took_s
    return round(cores * (busy_then - busy) / max(1, passed), 2)


def _ticks() -> tuple[int, int]:
    """(busy, idle) of all cores since boot. Of the line's ten, guests' are in the first two."""
    times = [int(t) for t in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = times[3] + times[4]
    return sum(times) - idle, idle


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
