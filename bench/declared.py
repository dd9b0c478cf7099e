"""A plane on which thousands of functions sleep: `python -m bench.declared [--functions N]`.

They are deployed as anybody would, project by project. Not part of `make bench`: it takes a quarter
of an hour. The last line is one JSON object.
"""

import argparse
import json
import os
import time

from tests.acceptance.plane import Plane, until

from bench.cold import told_of
from bench.memory import memory_kib
from bench.plane import measured_plane
from bench.sleepers import all_asleep, deploy_many, python_function, wake

EACH = 200
"""functions of a project"""
PLANE = ("keeper", "daemon", "supervisor", "edge_agent", "envoy")
CALLS = 40
SETTLED_S_MAX = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no project after that")
    told = parser.parse_args()
    with measured_plane() as plane:
        print(json.dumps(measure(plane, told.functions, told.seconds)))


def measure(plane: Plane, functions: int, seconds_max: float) -> dict[str, object]:
    began_s = time.monotonic()
    memory = {"0": plane_mib(plane)}
    took_s: list[float] = []
    names: list[str] = []
    while len(took_s) * EACH < functions and time.monotonic() < began_s + seconds_max:
        project_s = time.monotonic()
        names = deploy_many(plane, app(len(took_s)), python_function(), EACH)
        all_asleep(plane)
        took_s.append(time.monotonic() - project_s)
        if len(took_s) % 10 == 0:
            memory[str(len(took_s) * EACH)] = plane_mib(plane)
        print(f"{len(took_s) * EACH} declared, {took_s[-1]:.1f} s, {plane_mib(plane)}", flush=True)
    declared = len(took_s) * EACH
    memory[str(declared)] = plane_mib(plane)
    newest = [wake(plane, app(len(took_s) - 1), name) for name in names[:CALLS]]
    oldest = [wake(plane, app(0), name) for name in names[:CALLS]]
    return {
        "bench": "declared",
        "cores": os.cpu_count(),
        "functions": declared,
        "project_s": [round(took, 1) for took in took_s],
        "rss_mib": memory,
        "sockets": len(os.listdir(f"/proc/{plane.pid('supervisor')}/fd")),
        "cold_newest": told_of(newest),
        "cold_oldest": told_of(oldest),
        "supervisor_back_s": round(killed(plane, "supervisor", app(0), names[-1]), 2),
        "agent_back_s": round(killed(plane, "edge_agent", app(0), names[-2]), 2),
    }


def app(n: int) -> str:
    return f"project{n:03}"


def plane_mib(plane: Plane) -> dict[str, float]:
    """RSS of each process."""
    pids = {name: plane.keeper_pid() if name == "keeper" else plane.pid(name) for name in PLANE}
    return {name: round(memory_kib([pid])["rss"] / 1024, 1) for name, pid in pids.items()}


def killed(plane: Plane, process: str, of: str, function: str) -> float:
    """Seconds from its end to an answer of a function that sleeps."""
    plane.kill(process)
    began_s = time.monotonic()

    def answers() -> bool:
        try:
            return plane.call(of, function, b"{}").status == 200
        except OSError:
            return False

    until(answers, SETTLED_S_MAX, f"{function} answers after the end of {process}")
    return time.monotonic() - began_s


if __name__ == "__main__":
    main()
