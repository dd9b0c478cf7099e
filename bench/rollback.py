"""Rollbacks, and redeploys under load: `python -m bench.rollback`.

A rollback counts from the question to the API until the old version answers through the edge. Then
visitors ask 500 times a second, first in peace, then while versions are deployed. The last line is
one JSON object.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.acceptance.plane import Plane

from bench.deploys import Poller, ask_port, write_threaded
from bench.plane import Visitors, ask, measured_plane

GOALS = {"rollback_s_median": 1.0, "rollback_failed_polls": 0, "failed_requests": 0}
NAME = "bench"
RATE = 500
PEACE_S = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollbacks", type=int, default=12)
    parser.add_argument("--deploys", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.rollbacks, options.deploys)))


def measure(rollbacks: int, deploys: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, measured_plane() as plane:
        folder = Path(scratch)
        for version in ("one", "two"):
            deployed(plane, folder, version)
        backs, failed = rolled_back(plane, rollbacks)
        with Visitors(plane, NAME, RATE, threads=16) as peace:
            time.sleep(PEACE_S)
        with Visitors(plane, NAME, RATE, threads=16) as visitors:
            for n in range(deploys):
                deployed(plane, folder, f"v{n}")
    result: dict[str, object] = {
        "bench": "rollback",
        "rollback_s": [round(s, 3) for s in backs],
        "rollback_s_median": round(statistics.median(backs), 3),
        "rollback_failed_polls": failed,
        "rate": RATE,
        "deploys": deploys,
        "requests": len(visitors.took_ms) + len(visitors.failures),
        "failed_requests": len(visitors.failures) + len(peace.failures),
        "failures": visitors.failures[:3],
        "before_p50_ms": p(peace.took_ms, 50),
        "before_p99_ms": p(peace.took_ms, 99),
        "during_p50_ms": p(visitors.took_ms, 50),
        "during_p99_ms": p(visitors.took_ms, 99),
        "goals": GOALS,
    }
    return result | {"met": {name: result[name] <= goal for name, goal in GOALS.items()}}  # pyright: ignore[reportOperatorIssue]


def deployed(plane: Plane, folder: Path, version: str) -> None:
    write_threaded(folder, version)
    plane.ok("deploy", str(folder), "-a", NAME)


def rolled_back(plane: Plane, count: int) -> tuple[list[float], int]:
    """There and back between two versions; each is settled before the next."""
    took_s: list[float] = []
    failed = 0
    for n in range(count):
        wanted = ("one", "two")[n % 2]
        with Poller(lambda: ask_port(plane.ports["edge"], f"{NAME}.localhost")) as poller:
            began_s = time.monotonic()
            ask(plane, "POST", f"/apps/{NAME}/releases", {})
            took_s.append(poller.until(wanted) - began_s)
            settled(plane)
        failed += poller.failed
    return took_s, failed


def settled(plane: Plane) -> None:
    deadline_s = time.monotonic() + 60.0
    while ask(plane, "GET", f"/v1/apps/{NAME}")["state"] != "settled":
        assert time.monotonic() < deadline_s, plane.tails()
        time.sleep(0.02)


def p(values: list[float], percent: int) -> float:
    return round(statistics.quantiles(values, n=100)[percent - 1], 2)


if __name__ == "__main__":
    main()
