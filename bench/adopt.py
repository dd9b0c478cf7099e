"""Kill -9 of the daemon and of the supervisor with many instances: `python -m bench.adopt`.

A whole plane, one app at full scale, visitors through the real edge all the while. Back means: it
answers again, and names every instance, each the same as before. The last line is one JSON object.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.plane import Load, Plane, fresh_plane, until

from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths

GOALS = {"failed_requests": 0, "daemon_back_s": 1.0, "supervisor_back_s": 1.0}
APP = "bench"
START_S_MAX = 180.0
BACK_S_MAX = 30.0
LOOK_S = 0.005

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="kills of each of the two")
    options = parser.parse_args()
    print(json.dumps(measure(options.instances, options.rounds)))


def measure(instances: int, rounds: int) -> dict[str, object]:
    with fresh_plane() as plane:
        started_s = scaled(plane, instances)
        before = instance_ids(plane)
        back: dict[str, list[float]] = {"daemon": [], "supervisor": []}
        with Load(plane, APP) as load:
            for _ in range(rounds):
                for name, look in (("daemon", dynos_up), ("supervisor", instances_ready)):
                    load.more(20)
                    back[name].append(killed(plane, name, look, instances))
            load.more(20)
        assert instance_ids(plane) == before, "an instance was replaced"
    result: dict[str, object] = {
        "bench": "adopt",
        "cores": os.cpu_count(),
        "instances": instances,
        "scaled_up_in_s": round(started_s, 2),
        "requests": len(load.answers),
        "failed_requests": len(load.errors),
        "failures": load.errors[:3],
    }
    for name, seconds in back.items():
        result |= {f"{name}_back_s": round(statistics.median(seconds), 3)}
        result |= {f"{name}_back_s_max": round(max(seconds), 3)}
    met = {name: value_of(result, name) <= goal for name, goal in GOALS.items()}
    return result | {"goals": GOALS, "met": met}


def value_of(result: dict[str, object], name: str) -> float:
    value = result[name]
    assert isinstance(value, int | float)
    return value


def scaled(plane: Plane, instances: int) -> float:
    """Deploy the app and scale it; seconds from asking to all of them up."""
    with tempfile.TemporaryDirectory() as source:
        Path(source, "Procfile").write_text("web: exec python main.py\n")
        Path(source, "main.py").write_text(SERVER)
        Path(source, "requirements.txt").write_text("")
        plane.ok("deploy", source, "-a", APP)
    asked_s = time.monotonic()
    plane.ok("scale", APP, f"web={instances}")
    until(lambda: instances_ready(plane) == instances, START_S_MAX, "all instances are up")
    return time.monotonic() - asked_s


def killed(plane: Plane, name: str, look: Callable[[Plane], int], instances: int) -> float:
    """Seconds from its death to a successor that knows everything."""
    old = plane.kill(name)
    died_s = time.monotonic()
    until(lambda: not Path(f"/proc/{old}/root").exists(), BACK_S_MAX, f"{name} has ended")
    deadline_s = died_s + BACK_S_MAX
    while look(plane) != instances:
        assert time.monotonic() < deadline_s, f"{name} is not back\n{plane.tails()}"
        time.sleep(LOOK_S)
    return time.monotonic() - died_s


# --- two ways to look -------------------------------------------------------------------------


def dynos_up(plane: Plane) -> int:
    """By the daemon's API; 0 while there is none."""
    link = http.client.HTTPConnection("127.0.0.1", plane.ports["api"], timeout=BACK_S_MAX)
    token = Paths.of(plane.data).token.read_text().strip()
    try:
        link.request("GET", f"/apps/{APP}/dynos", headers={"Authorization": f"Bearer {token}"})
        answer = link.getresponse()
        dynos: list[dict[str, Any]] = json.loads(answer.read()) if answer.status == 200 else []
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        link.close()
    return sum(dyno["state"] == "up" for dyno in dynos)


def instances_ready(plane: Plane) -> int:
    """By the supervisor itself."""
    return len(instance_ids(plane))


def instance_ids(plane: Plane) -> set[str]:
    async def ask() -> set[str]:
        driver = LocalDriver(plane.runtime / "supervisor.sock", plane.data / "sources")
        try:
            sets, _ = await driver.observe()
        finally:
            await driver.close()
        return {instance.id for facts in sets for instance in facts.ready}

    return asyncio.run(ask())


if __name__ == "__main__":
    main()
