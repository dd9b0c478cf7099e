"""Functions and apps from zero, through the edge: `python -m bench.cold [--only PART]`.

The official runtimes are started fresh beside ours, in turn, on the same machine at the same time.
The last line is one JSON object.
"""

import argparse
import contextlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.plane import EXAMPLES, Plane, until

from bench.memory import memory_kib, tree
from bench.official import Official
from bench.plane import Visitors, ask, identities, measured_plane
from bench.sleepers import (
    IDLE_S,
    all_asleep,
    deploy_many,
    heavy_function,
    idle,
    js_function,
    layer,
    python_function,
    starts,
    wake,
    wake_at_once,
)
from setpoint.drivers.local.recipe import NODE_RUNTIME
from setpoint.planning.pooling import WAITING

Found = dict[str, object]
PYTHON_RUNTIME = "lib/python*/site-packages/salesforce_functions"
"""What only a layer of functions has: a web app's has a python too."""
GOALS = {
    "python_ratio": 30.0,
    "python_p50_ms": 15.0,
    "heavy_ratio": 20.0,
    "node_ratio": 40.0,
    "memory_ratio": 4.0,
}
FUNCTIONS = 200
VISITORS = 200
AWAKE = 20
REQUESTS_EACH = 1000
KILLS = 10
STOPS = 30
SETTLED_S_MAX = 120.0
LONG_S = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part, with what it needs")
    parser.add_argument("-n", type=int, default=100, help="cold starts of a function of ours")
    told = parser.parse_args()
    parts = {told.only: PARTS[told.only]} if told.only else PARTS
    found: Found = {"bench": "cold", "cores": os.cpu_count(), "goals": GOALS}
    with measured_plane() as plane:
        bench = Bench(plane, told.n)
        for name, part in parts.items():
            found[name] = part(bench)
            print(name, json.dumps(found[name]), flush=True)
    print(json.dumps(found))


class Bench:
    """What several parts need is deployed once."""

    def __init__(self, plane: Plane, n: int) -> None:
        self.plane = plane
        self.n = n
        self._apps: dict[str, list[str]] = {}

    def python(self) -> list[str]:
        return self._app("python", python_function(), FUNCTIONS)

    def fresh(self) -> list[str]:
        return self._app("fresh", python_function(forks=False), 5)

    def _app(self, name: str, files: dict[str, str], count: int) -> list[str]:
        if name not in self._apps:
            self._apps[name] = deploy_many(self.plane, name, files, count)
        return self._apps[name]


# --- one cold start after the other -------------------------------------------------------------


def python(bench: Bench) -> Found:
    """Forked, by ourselves without forking, and the official command, in turn."""
    plane, names, others = bench.plane, bench.python(), bench.fresh()
    official = Official(layer(plane, PYTHON_RUNTIME), python_function())
    before = starts(plane, "python")
    ours: list[float] = []
    fresh: list[float] = []
    theirs: list[float] = []
    all_asleep(plane)
    for turn in range(bench.n):
        ours.append(wake(plane, "python", names[turn % FUNCTIONS]))
        theirs.append(official.cold())
        if turn % 4 == 0:
            fresh.append(wake(plane, "fresh", others[turn // 4 % len(others)]))
    official.close()
    return _compared(ours, theirs) | {
        "fresh": told_of(fresh),
        "starts": _since(before, starts(plane, "python")),
    }


def heavy(bench: Bench) -> Found:
    """With numpy, requests and pydantic."""
    plane = bench.plane
    names = deploy_many(plane, "heavy", heavy_function(), 30)
    official = Official(layer(plane, "lib/python*/site-packages/numpy"), heavy_function())
    wake(plane, "heavy", names[0])
    all_asleep(plane)
    before = starts(plane, "heavy")
    ours: list[float] = []
    theirs: list[float] = []
    for name in names:
        ours.append(wake(plane, "heavy", name))
        theirs.append(official.cold())
    official.close()
    return _compared(ours, theirs) | {"starts": _since(before, starts(plane, "heavy"))}


def node(bench: Bench) -> Found:
    """One after the other, so that the pool is full each time; then three times as many at once."""
    plane = bench.plane
    names = deploy_many(plane, "node", js_function(), 3 * WAITING)
    official = Official(layer(plane, NODE_RUNTIME), js_function())
    wake(plane, "node", names[0])
    ours: list[float] = []
    theirs: list[float] = []
    all_asleep(plane)
    before = starts(plane, "node")
    for turn in range(15):
        theirs.append(official.cold())
        _until_waiting(plane)
        ours.append(wake(plane, "node", names[turn % len(names)]))
    one_by_one = _since(before, starts(plane, "node"))
    official.close()
    all_asleep(plane)
    _until_waiting(plane)
    before = starts(plane, "node")
    burst = wake_at_once(plane, "node", names)
    return _compared(ours, theirs) | {
        "starts": one_by_one,
        "waiting": WAITING,
        "burst_ms": [round(took_ms, 1) for took_ms in sorted(burst)],
        "burst_starts": _since(before, starts(plane, "node")),
    }


def many(bench: Bench) -> Found:
    """Different functions, one after the other."""
    plane, names = bench.plane, bench.python()
    all_asleep(plane)
    before = starts(plane, "python")
    taken = [wake(plane, "python", name) for name in names]
    return {**told_of(taken), "n": len(taken), "starts": _since(before, starts(plane, "python"))}


# --- many at once -------------------------------------------------------------------------------


def at_once(bench: Bench) -> Found:
    """All on one cold function, and all on one cold web app."""
    plane, names = bench.plane, bench.python()
    web = _web_at_zero(plane)
    all_asleep(plane)
    before = _times_started(plane, "python"), _times_started(plane, "web")
    taken, answers = _together(lambda: plane.call("python", names[0], b"{}").status)
    function_starts = _times_started(plane, "python") - before[0]
    web_taken, web_answers = _together(lambda: plane.get(web, timeout_s=60).status)
    return {
        "visitors": VISITORS,
        "function": {**told_of(taken), "answers": answers, "starts": function_starts},
        "web": {
            **told_of(web_taken),
            "answers": web_answers,
            "starts": _times_started(plane, "web") - before[1],
        },
    }


def _together(call: Callable[[], int]) -> tuple[list[float], int]:
    """(how long each took in ms, how many were answered 200)."""

    def once(_: int) -> tuple[float, int]:
        began_s = time.perf_counter()
        status = call()
        return 1000 * (time.perf_counter() - began_s), status

    with ThreadPoolExecutor(VISITORS) as callers:
        found = list(callers.map(once, range(VISITORS)))
    return [took for took, _ in found], sum(status == 200 for _, status in found)


def _web_at_zero(plane: Plane) -> str:
    _deploy_web(plane)
    plane.ok("scale", "web", "web=0..1", "--idle", "1")
    until(lambda: not _instances(plane, "web"), SETTLED_S_MAX, "the web app sleeps")
    return "web"


def _up(plane: Plane) -> int | None:
    """How many web instances are up, None while any is on its way up or down."""
    phases = [dyno["state"] for dyno in ask(plane, "GET", "/apps/web/dynos")]
    return len(phases) if set(phases) <= {"up"} and len(phases) == _recorded(plane) else None


def _recorded(plane: Plane) -> int:
    return len(_instances(plane, "web"))


def _deploy_web(plane: Plane) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "web")


def _times_started(plane: Plane, app: str) -> int:
    return plane.ok("logs", app, "--since", "1h").out.count("Starting process with command")


def _instances(plane: Plane, process: str) -> list[str]:
    return [id for id in identities(plane) if id.rpartition(".")[0] == process]


# --- memory -------------------------------------------------------------------------------------


def memory(bench: Bench) -> Found:
    """PSS of an idle instance: forked, with its share of what it was forked from and of the walls;
    ours started fresh, with its walls; the official command's, which has none."""
    plane, names, others = bench.plane, bench.python()[:AWAKE], bench.fresh()
    idle(plane, "python", names, LONG_S)
    idle(plane, "fresh", others, LONG_S)
    for app, these in (("python", names), ("fresh", others)):
        for name in these:
            wake(plane, app, name)
    forked, fresh = _pss(plane, "python"), _pss(plane, "fresh")
    official = Official(layer(plane, PYTHON_RUNTIME), python_function())
    theirs = official.idle_pss_mib(len(others))
    official.close()
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda name: _ask_often(plane, name), names))
    used = _pss(plane, "python")
    idle(plane, "python", names, IDLE_S)
    idle(plane, "fresh", others, IDLE_S)
    return {
        "instances": len(names),
        "forked_pss_mib": round(forked / len(names), 1),
        "fresh_pss_mib": round(fresh / len(others), 1),
        "official_pss_mib": round(theirs, 1),
        "ratio": round(theirs / (forked / len(names)), 1),
        "own_ratio": round((fresh / len(others)) / (forked / len(names)), 1),
        "requests_each": REQUESTS_EACH,
        "used_pss_mib": round(used / len(names), 1),
        "used_ratio": round(theirs / (used / len(names)), 1),
    }


def _ask_often(plane: Plane, name: str) -> None:
    for _ in range(REQUESTS_EACH):
        wake(plane, "python", name)


def _pss(plane: Plane, app: str) -> float:
    """Of everything in the app's sandboxes and of what watches them, in MiB."""
    id = ask(plane, "GET", f"/apps/{app}")["id"]
    pids: set[int] = set()
    for pid in tree(plane.pid("supervisor")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if f"{id}@".encode() in file.read():
                    pids |= set(tree(pid))
        except OSError:
            continue
    total = 0.0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            total += memory_kib([pid])["pss"]
    return total / 1024


# --- when things go wrong, or go ----------------------------------------------------------------


def daemon(bench: Bench) -> Found:
    """Cold functions, each asked right after the daemon was killed."""
    plane, names = bench.plane, bench.python()
    wake(plane, "python", names[0])  # learns the key, for which the daemon is asked
    all_asleep(plane)
    taken: list[float] = []
    for name in names[-KILLS:]:
        plane.kill("daemon")
        taken.append(wake(plane, "python", name))
        until(lambda: _answers(plane), SETTLED_S_MAX, "the daemon is back")
    return {"kills": KILLS, "answers": len(taken), "took_ms": [round(ms, 1) for ms in taken]}


def _answers(plane: Plane) -> bool:
    try:
        return plane.api("GET", "/apps/python").status == 200
    except OSError:
        return False


def stops(bench: Bench) -> Found:
    """A web app that is scaled from two to one again and again, while it is visited."""
    plane = bench.plane
    _deploy_web(plane)
    plane.ok("scale", "web", "web=1")
    with Visitors(plane, "web", rate=100.0) as visitors:
        for _ in range(STOPS):
            for count in (2, 1):
                updates = [{"type": "web", "quantity": count}]
                ask(plane, "PATCH", "/apps/web/formation", {"updates": updates})
                until(lambda: _up(plane) == count, SETTLED_S_MAX, f"{count} up")  # noqa: B023
    return {
        "stops": STOPS,
        "requests": len(visitors.took_ms),
        "failed": len(visitors.failures),
        "failures": visitors.failures[:5],
    }


# --- figures ------------------------------------------------------------------------------------


def _compared(ours: Sequence[float], theirs: Sequence[float]) -> Found:
    """In turn, each beside its own: whatever else the machine did then, it did to both."""
    ratios = [official / own for own, official in zip(ours, theirs, strict=True)]
    return {
        "n": len(ours),
        "ours": told_of(ours),
        "official_n": len(theirs),
        "official": told_of(theirs),
        "ratio": round(statistics.median(ratios), 1),
    }


def told_of(times_ms: Sequence[float]) -> dict[str, float]:
    percentiles = statistics.quantiles(times_ms, n=100)
    return {
        "p50_ms": round(statistics.median(times_ms), 2),
        "p90_ms": round(percentiles[89], 2),
        "p99_ms": round(percentiles[98], 2),
    }


def _since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    return {kind: count - before[kind] for kind, count in now.items()}


def _until_waiting(plane: Plane) -> None:
    log = plane.data / "log" / "supervisor.log"

    def full() -> bool:
        ready = log.read_text().count(" spare.ready ")
        return ready - starts(plane, "node")["pool"] >= WAITING

    until(full, SETTLED_S_MAX, "the pool is full")


PARTS: dict[str, Callable[[Bench], Found]] = {
    part.__name__: part for part in (python, heavy, node, many, at_once, memory, daemon, stops)
}


if __name__ == "__main__":
    main()
