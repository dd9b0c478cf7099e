"""How soon a Change becomes a step, and how long looking at everything takes.

The real intents, store and loop, and a world in which every app has its route, nothing runs and
every build fails at once. Changes arrive at random, 1,000 a second; the clock runs from when one
was due until its first step reaches the driver. First beside few apps that are at rest, at several
rates; then beside many, while a new life of the daemon looks at each of them for the first time,
and while the look at everything is taken every second, where the daemon itself takes it every 30.
With so many that look is taken by a process of its own, as the daemon's is; it asks a third one for
the routes, as it does the edge agent, and is told of builds by a file. What it takes of memory is
what it shares with nobody. Each of the three parts is a process of its own with the daemon's
environment, since a daemon has one life.
`python -m bench.steps`; the last line is one JSON object.
"""

import argparse
import asyncio
import gc
import itertools
import json
import logging
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

from bench.store import ACTOR, created, document, percentile, portions
from setpoint.converge.loop import Loop, Settings
from setpoint.converge.observer import Sight
from setpoint.converge.recorder import Recorder
from setpoint.converge.surveyor import Surveyor
from setpoint.drivers.builders import watched
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.envoy.control import ControlServer
from setpoint.formats.surveyor import APPS
from setpoint.intents.door import Door, change
from setpoint.model.app import AppIntent, Source, Unit
from setpoint.model.change import Asked
from setpoint.model.ids import AppId, Digest
from setpoint.model.observed import Observed, Seen
from setpoint.model.release import Build, BuildRequest
from setpoint.model.route import Route, RouteFacts
from setpoint.model.steps import EnsureRoute
from setpoint.planning.planner import plan
from setpoint.processes import surveyor
from setpoint.processes.up import ALLOCATOR
from setpoint.store.port import Remembered
from setpoint.store.sqlite import SqliteStore, open_store
from setpoint.store.sqlite.outbox import SqliteOutbox
from setpoint.testing.edge import SimEdge
from setpoint.testing.machine import Machine
from setpoint.testing.supervisor import CAPABILITIES, SimSupervisor

GOALS = {
    "first_step_p50_ms": 1.5,
    "first_step_p99_ms": 15.0,
    "survey_s_per_100k": 1.0,
    "rss_mib": 250.0,
}
FEW = 12_000
"""Enough for every Change to be another app's."""
RATE = 1000.0
"""Changes a second; they say no why, which would have to be searched for secrets first."""
SLOWER = (100.0, 300.0)
"""Rates beside it, for a shorter time."""
SLOWER_S = 5.0
SURVEYS = 5
"""So many looks at everything are timed; the middle one counts."""
PERIOD_S = 1.0
LOOK_S_MAX = 30.0
"""The look with which a life begins is watched for so long, and the rest of it reckoned."""
LATE_S = 10.0
"""Whoever has no step so long after the last Change counts as having taken this long."""
TICK_S = 0.01


class Idle(SimSupervisor):
    """`asked_s`: when the first step of each app's Change arrived."""

    def __init__(self, loop: asyncio.AbstractEventLoop, told: Path) -> None:
        super().__init__(loop, Machine(loop))
        self.asked_s: dict[AppId, float] = {}
        self._failed: dict[AppId, Build] = {}
        self._told = told
        self._file: FileIO | None = None

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        self.asked_s.setdefault(request.app, time.perf_counter())
        failed = Build(request.id, request.app, request.source, "failed", request.stack)
        self._failed[request.app] = failed
        self._file = self._file or FileIO(self._told, "a")
        self._file.write(msgspec.json.encode(failed) + b"\n")
        self._tell(request.app)

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        apps = self._failed.keys() if only is None else self._failed.keys() & only
        return Seen(builds=tuple(self._failed[app] for app in apps))


class Apart(SimEdge):
    """Each app's hosts are its own, so that nobody has to look for who else may have one."""

    def _check_hosts(self, route: Route) -> None:
        pass


class Told(Idle):
    """The same world in another process, by what the first one wrote."""

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        lines = self._told.read_bytes().splitlines() if self._told.exists() else []
        builds = (msgspec.json.decode(line, type=Build) for line in lines)
        self._failed = {build.app: build for build in builds}
        return await super().observe(only)


@dataclass(frozen=True)
class Plane:
    """`before_mib`: this process, before the daemon's part lives in it. `apart`: the process
    that looks at everything, where it is another."""

    store: SqliteStore
    loop: Loop
    world: Idle
    before_mib: float
    apart: surveyor.Forked | None

    @property
    def door(self) -> Door:
        return Door(self.store, self.loop.wake, _never, _never)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=100_000, help="that are looked at again")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long Changes arrive")
    parser.add_argument("--part", choices=PARTS, help="this alone, on what is kept in --folder")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    logging.disable()
    if options.part:
        part = PARTS[options.part](options.folder, options.apps, options.seconds)
        print(json.dumps(asyncio.run(part)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps(measure(Path(folder), options.apps, options.seconds)))


def measure(folder: Path, apps: int, seconds: float) -> dict[str, object]:
    result: dict[str, object] = {
        "bench": "steps",
        "cores": os.cpu_count(),
        "apps": apps,
        "rate": RATE,
        "seconds": seconds,
    }
    few = max(FEW, many_changes(RATE, seconds) + sum(many_changes(r, SLOWER_S) for r in SLOWER))
    for part, kept, count in (
        ("quiet", "few", few),
        ("new_life", "many", apps),
        ("", "many", apps),
    ):
        if not (folder / kept).exists():
            asyncio.run(prepare(folder / kept, count))
        result |= alone(part or "beside", folder / kept, count, seconds)
    return result | {"goals": GOALS, "met": {n: result[n] <= goal for n, goal in GOALS.items()}}  # pyright: ignore[reportOperatorIssue]


def alone(part: str, folder: Path, apps: int, seconds: float) -> dict[str, object]:
    """What a process of its own finds."""
    told = ("--part", part, "--folder", folder, "--apps", apps, "--seconds", seconds)
    argv = (sys.executable, "-m", "bench.steps", *map(str, told))
    ran = subprocess.run(argv, env=os.environ | ALLOCATOR, check=True, stdout=subprocess.PIPE)
    return json.loads(ran.stdout)


def many_changes(rate: float, seconds: float) -> int:
    """More than will arrive by luck."""
    return int(rate * seconds * 1.2)


async def quiet(folder: Path, apps: int, seconds: float) -> dict[str, object]:
    result: dict[str, object] = {}
    units = await kept(folder, apps)
    async with living(folder) as plane:
        await first_look(plane, len(units))
        for rate, lasting_s in ((RATE, seconds), *((rate, SLOWER_S) for rate in SLOWER)):
            count = many_changes(rate, lasting_s)
            own, units = units[:count], units[count:]
            name = "quiet_" if rate == RATE else f"at_{rate:.0f}_"
            result |= told(name, await first_steps(plane, own, lasting_s, rate))
    return result


async def new_life(folder: Path, apps: int, seconds: float) -> dict[str, object]:
    units = await kept(folder, many_changes(RATE, seconds))
    async with living(folder) as plane:
        result = told("new_life_", await first_steps(plane, units, seconds))
        result["new_life_looked_at"] = apps - plane.loop.backlog
        await until(lambda: plane.loop.backlog == 0, LOOK_S_MAX)
        result["survey_s_per_100k"] = round(await surveyed(plane) * 100_000 / apps, 3)
    return result


async def beside(folder: Path, apps: int, seconds: float) -> dict[str, object]:
    bare_mib = rss_mib()
    units = (await kept(folder, 2 * many_changes(RATE, seconds)))[many_changes(RATE, seconds) :]
    async with living(folder, PERIOD_S) as plane:
        others_mib = plane.before_mib - bare_mib
        result: dict[str, object] = {"first_look_s_per_100k": await first_look(plane, apps)}
        result |= told("", await first_steps(plane, units, seconds))
        daemon_mib = rss_mib() - others_mib
        apart_mib = own_mib(plane.apart.pid) if plane.apart else 0.0
        return result | {
            "rss_others_mib": round(others_mib, 1),
            "rss_daemon_mib": round(daemon_mib, 1),
            "rss_apart_mib": round(apart_mib, 1),
            "rss_mib": round(daemon_mib + apart_mib, 1),
        }


PARTS = {"quiet": quiet, "new_life": new_life, "beside": beside}


def told(name: str, took_ms: Sequence[float]) -> dict[str, object]:
    return {
        f"{name}first_steps": len(took_ms),
        f"{name}first_step_p50_ms": round(percentile(took_ms, 50), 2),
        f"{name}first_step_p99_ms": round(percentile(took_ms, 99), 1),
        f"{name}first_step_late": sum(ms >= LATE_S * 1000 for ms in took_ms),
    }


# --- the plane ----------------------------------------------------------------------------------


async def prepare(folder: Path, apps: int) -> None:
    """A store of so many apps, each of which is known to be as it should be."""
    folder.mkdir()
    store = open_store(folder / "store.db", folder / "key")
    for numbers in portions(range(apps)):
        await conclude(store, await created(store, [_bare(n) for n in numbers]))
    await store.close()


async def kept(folder: Path, count: int) -> list[Unit]:
    """So many of them, as they are now."""
    store = open_store(folder / "store.db", folder / "key")
    units: list[Unit] = []
    for apps in portions(sorted(await store.unit_ids())[:count]):
        for memory in (await store.remembered(apps, 0, 0)).values():
            assert isinstance(memory, Remembered)
            units.append(memory.unit)
    await store.close()
    return units


@asynccontextmanager
async def living(folder: Path, period_s: float = 3600.0) -> AsyncGenerator[Plane]:
    """A loop at work on them."""
    store = open_store(folder / "store.db", folder / "key")
    running = asyncio.get_running_loop()
    told = folder / "builds"
    told.unlink(missing_ok=True)
    world = Idle(running, told)
    edge = Apart(running, Idle(running, told))
    for apps in portions(sorted(await store.unit_ids())):
        for app, memory in (await store.remembered(apps, 0, 0)).items():
            assert isinstance(memory, Remembered)
            edge.routes[app] = _routed(memory.unit)
    await store.close()  # nothing of SQLite may be open at a fork
    gc.collect()
    gc.freeze()  # as the daemon does, of which the world is no part
    before_mib = rss_mib()
    agent = forked = apart = None
    if len(edge.routes) >= APPS:
        agent = answering(folder / "edge.sock", edge.routes)
        make = partial(_surveyor, folder)
        forked = surveyor.fork(make)
        apart = surveyor.Apart(forked, make)
    store = open_store(folder / "store.db", folder / "key")
    tokens = itertools.count()
    loop = Loop(
        store,
        world,
        edge,
        now=time.time,
        luck=random.Random(1).random,
        new_token=lambda: f"t{next(tokens)}",
        log=logging.getLogger("bench"),
        settings=Settings(period_s=period_s),
        surveys=apart,
    )
    work = asyncio.create_task(loop.run())
    try:
        yield Plane(store, loop, world, before_mib, forked)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        if apart is not None:
            await apart.close()
        if agent is not None:
            os.kill(agent, signal.SIGKILL)
            await asyncio.to_thread(os.waitpid, agent, 0)
        await store.close()
        gc.unfreeze()


def _surveyor(folder: Path) -> Surveyor:
    running = asyncio.get_running_loop()
    settings = Settings()
    return Surveyor(
        SqliteOutbox(folder / "store.db"),
        Told(running, folder / "builds"),
        EdgeClient(folder / "edge.sock"),
        clock=running.time,
        now=time.time,
        luck=random.Random(1).random,
        rest_s=settings.rest_s,
        timeout_s=settings.look_timeout_s,
    )


@dataclass(frozen=True)
class Known:
    """What the edge agent's door asks of it: nothing of it changes."""

    routes: Mapping[AppId, RouteFacts]

    @property
    def news(self) -> "Known":
        return self

    @property
    def apps(self) -> tuple[AppId, ...]:
        return tuple(self.routes)

    def facts(self, apps: Collection[AppId]) -> tuple[RouteFacts, ...]:
        return tuple(self.routes[app] for app in apps)


def answering(path: Path, routes: Mapping[AppId, RouteFacts]) -> int:
    """The pid of a process that says which routes there are, as the edge agent does."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    ending = watched.Ending(os.getpid())
    if pid := os.fork():
        listener.close()
        return pid
    try:
        ending()
        asyncio.run(_answer(listener, routes))
    finally:
        os._exit(os.EX_SOFTWARE)


async def _answer(listener: socket.socket, routes: Mapping[AppId, RouteFacts]) -> None:
    agent: Any = Known(routes)
    server = await ControlServer(agent, frozenset((os.getuid(),))).start(listener)
    await server.serve_forever()


def _bare(number: int) -> AppIntent:
    """Whose build needs no secrets: there is no value behind those of the document."""
    return msgspec.structs.replace(document(number), source=None, config={})


def _routed(unit: Unit) -> RouteFacts:
    """As the edge has confirmed it."""
    steps = plan(unit, Observed(), CAPABILITIES, time.time()).steps
    route = next(step.route for step in steps if isinstance(step, EnsureRoute))
    return RouteFacts(route, acked=True)


async def conclude(store: SqliteStore, units: Sequence[Unit]) -> None:
    """What a pass would have written of each."""
    recorder = Recorder(store, time.time, _never)

    async def one(unit: Unit) -> None:
        sight = Sight(unit, Observed(route=_routed(unit)), None)
        made = plan(unit, sight.observed, CAPABILITIES, time.time())
        await recorder.end(unit.id, status=recorder.status(sight, made))

    for portion in portions(units):
        await asyncio.gather(*(one(unit) for unit in portion))


def _never() -> str:
    raise AssertionError("nothing here needs a new name")


async def until(so: Callable[[], bool], within_s: float = LATE_S) -> None:
    """Or not within that time."""
    last_s = time.perf_counter() + within_s
    while not so() and time.perf_counter() < last_s:  # noqa: ASYNC110
        await asyncio.sleep(TICK_S)


async def first_look(plane: Plane, apps: int) -> float:
    """Seconds per 100,000 apps, of the look at all of them with which a life begins."""
    began_s = time.perf_counter()
    await until(lambda: plane.loop.backlog > 0)
    await until(lambda: plane.loop.backlog == 0, LOOK_S_MAX)
    took_s = time.perf_counter() - began_s
    return round(took_s * 100_000 / max(1, apps - plane.loop.backlog), 2)


async def surveyed(plane: Plane) -> float:
    """Seconds that a look at everything takes: the middle one of a few."""
    took_s: list[float] = []
    for _ in range(SURVEYS):
        began_s = time.perf_counter()
        await plane.loop.survey()
        took_s.append(time.perf_counter() - began_s)
    return statistics.median(took_s)


# --- Changes ------------------------------------------------------------------------------------


async def first_steps(
    plane: Plane, units: Sequence[Unit], seconds: float, rate: float = RATE
) -> list[float]:
    """Milliseconds from when each Change was due until its first step."""
    due_s: dict[AppId, float] = {}
    async with asyncio.TaskGroup() as group:
        running = asyncio.get_running_loop()

        def come(number: int, unit: Unit) -> None:
            group.create_task(_deploy(plane.door, unit, number))

        def arrivals() -> None:
            for number, unit, at_s in _arrivals(units, seconds, rate):
                due_s[unit.id] = at_s
                running.call_soon_threadsafe(come, number, unit)

        await asyncio.to_thread(arrivals)
    await until(lambda: due_s.keys() <= plane.world.asked_s.keys())
    asked_s = plane.world.asked_s
    return [
        min(LATE_S, asked_s.get(app, at_s + LATE_S) - at_s) * 1000 for app, at_s in due_s.items()
    ]


def _arrivals(
    units: Sequence[Unit], seconds: float, rate: float
) -> Iterator[tuple[int, Unit, float]]:
    """From outside of the event loop, as requests come: its own timers ring up to 1 ms late."""
    luck, at_s = random.Random(7), time.perf_counter()
    end_s = at_s + seconds
    for number, unit in enumerate(units):
        at_s += luck.expovariate(rate)
        if at_s >= end_s:
            return
        if (wait_s := at_s - time.perf_counter()) > 0:
            time.sleep(wait_s)
        yield number, unit, at_s


async def _deploy(door: Door, unit: Unit, number: int) -> None:
    asked = Asked(ACTOR, "api", time.time())
    source = Source(Digest(f"{number:064x}"), "v2")
    intent = msgspec.structs.replace(unit.intent, source=source)
    await change(door, asked, "deploy", "Deploy v2", unit, intent)


def rss_mib() -> float:
    """As it is now: the daemon's part, and beside it the simulated world's and the bench's own."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def own_mib(pid: int) -> float:
    """What a fork shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


if __name__ == "__main__":
    main()
