"""How much memory the plane takes at rest, and one idle instance: `python -m bench.memory`.

RSS counts what a process can touch; PSS counts what it shares with others only by its part, so
PSS adds up. Instances are counted several at a time, with bubblewrap's own processes and without
relays (level L2). The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.acceptance.plane import EXAMPLES, Plane

from bench.plane import ask, identities, measured_plane
from setpoint.model.ids import InstanceId

EXAMPLE_APPS = {"shop": ("hello-web", "web"), "greeter": ("hello-function", "hello")}
PLANE = ("daemon", "supervisor", "edge_agent", "envoy")
REST_LOOK_S = 2.0
REST_CHANGE_MAX = 0.005
REST_S_MAX = 30.0
KIB = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=5, help="of each example")
    print(json.dumps(measure(parser.parse_args().instances)))


def measure(instances: int) -> dict[str, object]:
    with measured_plane() as plane:
        planes = {"no app": at_rest(plane)}
        for app, (folder, _) in EXAMPLE_APPS.items():
            plane.ok("deploy", str(EXAMPLES / folder), "-a", app)
        planes["two example apps"] = at_rest(plane)
        for app, (_, process) in EXAMPLE_APPS.items():
            plane.ok("scale", app, f"{process}={instances}")
        at_rest(plane)
        idle = {process: per_instance(plane, process) for _, process in EXAMPLE_APPS.values()}
        level = ask(plane, "GET", "/v1/doctor")["level"]
    return {
        "bench": "memory",
        "cores": os.cpu_count(),
        "level": level,
        "plane": planes,
        "plane_pss_mib": {when: total(seen) for when, seen in planes.items()},
        "instances": instances,
        "instance": idle,
    }


def total(seen: dict[str, dict[str, float]], kind: str = "pss_mib") -> float:
    return round(sum(each[kind] for each in seen.values()), 1)


# --- the plane ----------------------------------------------------------------------------------


def at_rest(plane: Plane) -> dict[str, dict[str, float]]:
    """Each process of the plane, once two looks find nearly the same RSS: PSS also moves with
    whoever else of the machine runs the same programs."""
    deadline_s, before = time.monotonic() + REST_S_MAX, look(plane)
    while True:
        time.sleep(REST_LOOK_S)
        now = look(plane)
        if abs(total(now, "rss_mib") / total(before, "rss_mib") - 1) <= REST_CHANGE_MAX:
            return now
        assert time.monotonic() < deadline_s, f"the plane does not come to rest: {before} {now}"
        before = now


def look(plane: Plane) -> dict[str, dict[str, float]]:
    pids = {"keeper": plane.keeper_pid(), **{name: plane.pid(name) for name in PLANE}}
    pids["forker"] = _forker(pids["supervisor"])
    return {name: mib(memory_kib([pid])) for name, pid in pids.items()}


def _forker(supervisor: int) -> int:
    """It forks in the supervisor's stead, and is part of its price."""
    return next(
        pid for pid in tree(supervisor) if b"forker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )


# --- instances ----------------------------------------------------------------------------------


def per_instance(plane: Plane, process: str) -> dict[str, float]:
    """The mean over all instances of one process type."""
    roots = [
        identity.outer_pid
        for id, identity in identities(plane).items()
        if _process_of(id) == process
    ]
    pids = [pid for root in roots for pid in tree(root)]
    everything = memory_kib(pids)
    sandbox = memory_kib([pid for pid in pids if _is_sandbox(pid)])
    count = len(roots)
    return {
        **mib({kind: kib / count for kind, kib in everything.items()}),
        "sandbox_pss_mib": round(sandbox["pss"] / count / KIB, 2),
        "per_gib": int(KIB * KIB / (everything["pss"] / count)),
    }


def _process_of(id: InstanceId) -> str:
    """'web.1-a1b2c3' -> 'web'"""
    return id.rpartition(".")[0]


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        children[_parent(int(folder.name))].append(int(folder.name))
    found, new = [root], [root]
    while new:
        new = [child for pid in new for child in children[pid]]
        found += new
    return found


def _parent(pid: int) -> int:
    """0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_sandbox(pid: int) -> bool:
    return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "bwrap"


# --- /proc --------------------------------------------------------------------------------------


def memory_kib(pids: Iterable[int]) -> dict[str, float]:
    sums = {"rss": 0.0, "pss": 0.0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.lower() in sums:
                sums[name.lower()] += int(value.split()[0])
    return sums


def mib(kib: dict[str, float]) -> dict[str, float]:
    return {f"{kind}_mib": round(value / KIB, 2) for kind, value in kib.items()}


if __name__ == "__main__":
    main()
