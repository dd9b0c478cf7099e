"""Kill -9 of the daemon and of the supervisor with many instances: `python -m bench.adopt`.

A whole plane, one app at full scale, visitors through the real edge all the while. After each kill
two times are taken: until the successor *answers* with every instance, and until it has *adopted*
them: a Change made then is carried out and seen on every one. The last line is one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.plane import Plane, until

from bench.plane import Visitors, ask, deploy, identities, measured_plane
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.processes.keeper import STEADY_S

GOALS = {
    "failed_requests": 0,
    "replaced_instances": 0,
    "daemon_adopted_s_max": 1.0,
    "supervisor_adopted_s_max": 1.0,
}
APP = "bench"
RATE = 100
START_S_MAX = 120.0
BACK_S_MAX = 30.0
LOOK_S = 0.01

SERVER = """
import os, socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["PORT"])))
listener.listen(128)
while True:
    with listener.accept()[0] as peer:
        if peer.recv(4096):
            head = b"HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: 5\\r\\n\\r\\n"
            peer.sendall(head + b"hello")
"""
FILES = {"Procfile": "web: exec python main.py\n", "main.py": SERVER, "requirements.txt": ""}


@dataclass(frozen=True)
class Back:
    """Seconds since its death."""

    answers_s: float
    adopted_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="kills of each of the two")
    options = parser.parse_args()
    print(json.dumps(measure(options.instances, options.rounds)))


def measure(instances: int, rounds: int) -> dict[str, object]:
    with measured_plane() as plane:
        deploy(plane, APP, FILES)
        scaled_s = scaled(plane, instances)
        before = identities(plane)
        with Visitors(plane, APP, RATE) as visitors:
            backs = kills(plane, instances, rounds)
        after = identities(plane)
    replaced = sum(after.get(id) != identity for id, identity in before.items())
    result: dict[str, object] = {
        "bench": "adopt",
        "cores": os.cpu_count(),
        "instances": instances,
        "scaled_up_s": round(scaled_s, 2),
        "rate": RATE,
        "requests": len(visitors.took_ms) + len(visitors.failures),
        "failed_requests": len(visitors.failures),
        "failures": visitors.failures[:3],
        "request_p50_ms": round(statistics.median(visitors.took_ms), 2),
        "request_max_ms": round(max(visitors.took_ms), 1),
        "replaced_instances": replaced,
    }
    for name, times in backs.items():
        result |= figures(name, times)
    return result | {"goals": GOALS, "met": {n: met(result, n) for n in GOALS}}


def figures(name: str, times: list[Back]) -> dict[str, object]:
    return {
        f"{name}_answers_s": [round(b.answers_s, 3) for b in times],
        f"{name}_adopted_s": [round(b.adopted_s, 3) for b in times],
        f"{name}_adopted_s_max": round(max(b.adopted_s for b in times), 3),
    }


def met(result: dict[str, object], name: str) -> bool:
    value = result[name]
    assert isinstance(value, int | float)
    return value <= GOALS[name]


# --- what is done -------------------------------------------------------------------------------


def scaled(plane: Plane, instances: int) -> float:
    """Seconds from asking to all of them up, seen and routed."""
    asked_s = time.monotonic()
    plane.ok("scale", APP, f"web={instances}", "--timeout", str(START_S_MAX))
    took_s = time.monotonic() - asked_s
    assert dynos_up(plane) == instances, plane.tails()
    return took_s


def kills(plane: Plane, instances: int, rounds: int) -> dict[str, list[Back]]:
    """Every process runs long enough before it is killed again: else the keeper's pause before
    the restart of a process that keeps failing is what would be measured."""
    looks = {"daemon": dynos_up, "supervisor": instances_ready}
    backs: dict[str, list[Back]] = {name: [] for name in looks}
    idle_s = itertools.count(601)  # other than the default, so that each is a Change
    for turn in range(rounds):
        if turn:
            time.sleep(STEADY_S + 1)
        for name, look in looks.items():
            backs[name].append(killed(plane, name, look, instances, next(idle_s)))
    return backs


def killed(
    plane: Plane, name: str, look: Callable[[Plane], int], instances: int, idle_s: int
) -> Back:
    old = plane.kill(name)
    died_s = time.monotonic()
    until(lambda: not Path(f"/proc/{old}/root").exists(), BACK_S_MAX, f"{name} has ended")
    wait(plane, lambda: look(plane) == instances, f"{name} answers")
    answers_s = time.monotonic() - died_s
    ask(plane, "PATCH", f"/apps/{APP}/formation/web", {"idle_s": idle_s})
    wait(plane, lambda: settled(plane, instances), f"{name} has adopted")
    return Back(answers_s, time.monotonic() - died_s)


def wait(plane: Plane, so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + BACK_S_MAX
    while not so():
        assert time.monotonic() < deadline_s, f"not within {BACK_S_MAX} s: {what}\n{plane.tails()}"
        time.sleep(LOOK_S)


# --- ways to look -------------------------------------------------------------------------------


def settled(plane: Plane, instances: int) -> bool:
    """Of the newest Change: a pass found its order in force and all instances up."""
    app = ask(plane, "GET", f"/v1/apps/{APP}")
    up = sum(dyno["state"] == "up" for dyno in app["dynos"])
    return app["state"] == "settled" and up == instances


def dynos_up(plane: Plane) -> int:
    """By the daemon's API."""
    dynos = ask(plane, "GET", f"/apps/{APP}/dynos")
    return sum(dyno["state"] == "up" for dyno in dynos)


def instances_ready(plane: Plane) -> int:
    """By the supervisor itself, of those that are there indeed."""
    here = {id for id, identity in identities(plane).items() if sandbox.alive(identity)}
    return len(asyncio.run(_ready(plane)) & here)


async def _ready(plane: Plane) -> set[str]:
    paths = Paths.of(plane.data)
    driver = LocalDriver(paths.supervisor_socket, paths.sources)
    try:
        seen = await driver.observe()
    finally:
        await driver.close()
    return {instance.id for facts in seen.sets for instance in facts.ready}


if __name__ == "__main__":
    main()
