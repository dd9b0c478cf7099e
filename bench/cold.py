"""A function from zero, through the edge: `python -m bench.cold`.

One function in two apps, one of which objects to being forked, asked in turn as soon as both sleep;
and beside them how long a bare interpreter takes to import the same runtime. The last line is one
JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence

from tests.acceptance.plane import Plane, until
from tests.support.building import function

from bench.plane import deploy, measured_plane
from setpoint.drivers.local import records
from setpoint.drivers.local.paths import Paths

GOALS = {"ratio_min": 30.0, "fork_p50_ms_max": 15.0}
KINDS = ("fork", "fresh")
IMPORT = (
    "import salesforce_functions._internal.app, uvicorn, uvloop, httptools,"
    " uvicorn.lifespan.on, uvicorn.protocols.http.httptools_impl, uvicorn.loops.uvloop"
)
ASLEEP_S_MAX = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="cold starts of each kind")
    print(json.dumps(measure(parser.parse_args().n)))


def measure(n: int) -> dict[str, object]:
    taken: dict[str, list[float]] = {kind: [] for kind in (*KINDS, "import")}
    with measured_plane() as plane:
        for kind in KINDS:
            prepare(plane, kind)
        python = interpreter(plane)
        for turn in range(n + 1):
            for kind in KINDS:
                until(lambda: not running(plane), ASLEEP_S_MAX, "all functions sleep")
                took_ms = cold(plane, kind)
                if turn:  # the first fork may find nobody to fork from
                    taken[kind].append(took_ms)
            if turn:
                taken["import"].append(bare(python))
        forked = {kind: starts_by_fork(plane, kind) for kind in KINDS}
    return outcome(taken, forked, n)


def prepare(plane: Plane, kind: str) -> None:
    files = function()
    if kind == "fresh":
        files["project.toml"] += "\n[setpoint]\nfork-safe = false\n"
    deploy(plane, kind, files)
    plane.ok("scale", kind, "hello=0..1", "--idle", "1")


def running(plane: Plane) -> bool:
    folder = Paths.of(plane.data).instances
    return any(record.kind == "function" for _, _, record in records.load(folder))


def cold(plane: Plane, kind: str) -> float:
    """Milliseconds from the connection to the whole answer."""
    began_s = time.perf_counter()
    answer = plane.call(kind, "hello", b"{}")
    took_ms = 1000 * (time.perf_counter() - began_s)
    assert answer.status == 200, (kind, answer)
    return took_ms


def interpreter(plane: Plane) -> str:
    (found,) = (plane.data / "layers" / "deps").glob("*/bin/python")
    return str(found)


def bare(python: str) -> float:
    began_s = time.perf_counter()
    subprocess.run([python, "-I", "-c", IMPORT], check=True, cwd="/")
    return 1000 * (time.perf_counter() - began_s)


def starts_by_fork(plane: Plane, kind: str) -> int:
    return plane.ok("logs", kind, "-n", "1000").out.count("Started by a fork")


def outcome(taken: dict[str, list[float]], forked: dict[str, int], n: int) -> dict[str, object]:
    told = {kind: told_of(times) for kind, times in taken.items()}
    ratio = told["fresh"]["p50_ms"] / told["fork"]["p50_ms"]
    met = {
        "ratio": ratio >= GOALS["ratio_min"],
        "fork_p50": told["fork"]["p50_ms"] <= GOALS["fork_p50_ms_max"],
    }
    return {
        "bench": "cold",
        "cores": os.cpu_count(),
        "n": n,
        "goals": GOALS,
        "met": met,
        **told,
        "ratio": round(ratio, 1),
        "ratio_to_import": round(told["import"]["p50_ms"] / told["fork"]["p50_ms"], 1),
        "forked": forked,
    }


def told_of(times_ms: Sequence[float]) -> dict[str, float]:
    percentiles = statistics.quantiles(times_ms, n=100)
    return {
        "p50_ms": round(statistics.median(times_ms), 2),
        "p90_ms": round(percentiles[89], 2),
        "p99_ms": round(percentiles[98], 2),
    }


if __name__ == "__main__":
    main()
