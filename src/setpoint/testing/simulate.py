"""`python -m setpoint.testing.simulate --points N [--seed S]`: crash points, by the thousand.

Runs seed after seed until N crash points were exercised. A failing run prints one line that
replays it. The last line on stdout is one JSON object; exit 1 if anything was violated.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from setpoint.planning.standing import BACKOFF_S_MAX
from setpoint.testing import afterwards, checks, doors
from setpoint.testing.faults import Faults, Rates
from setpoint.testing.histories import People
from setpoint.testing.listener import Listener
from setpoint.testing.loop import StandsStill, run
from setpoint.testing.mishaps import Chaos
from setpoint.testing.shrink import Chosen, Numbers, shrink
from setpoint.testing.world import World

HISTORY_S = 150.0
"""How long people change their minds and faults last, in virtual seconds."""
SETTLE_S_MAX = 1500.0
"""The longest backoff is 300 s, and a crash loop may be deep in it when the faults stop."""
QUIET_S = 130.0
"""No write for longer than an orphan's grace and two periods: settled."""
PATIENCE_S = BACKOFF_S_MAX + 30.0
"""What is not settled may be about to start once more, for the first time in so long."""
SILENCE_S = 300.0
"""So long nothing at all may happen after that."""
USUAL = {
    "refused": 0.02,
    "lost": 0.02,
    "slow": 0.1,
    "late": 0.04,
    "stale": 0.3,
    "deaf": 0.5,
    "lagging": 0.3,
    "halved": 0.3,
}
"""How often a fault of this kind hits in a run that has it."""
TRIALS = 0.5
"""In how many of the histories each of them is made."""
END_GAPS = (15, 60, 1_000_000)
"""A third of the supervisors live as long as they are let."""
OPTIONS = {
    "--crash-at": "crashes",
    "--end-at": "ends",
    "--strike-at": "strikes",
    "--mishap-at": "mishaps",
}
BATCH = 25
"""Seeds handed out together; a run ends with a whole batch, so that it tells the same whatever
the number of workers."""


@dataclass(frozen=True)
class Result:
    """What came of one seed. `crashed`, `ended`: the points at which the daemon died, and the
    supervisor; `struck` and `happened`: the other faults that hit, by number."""

    seed: int
    crashed: tuple[int, ...]
    ended: tuple[int, ...]
    struck: tuple[int, ...]
    happened: tuple[int, ...]
    violations: tuple[str, ...]
    trace: tuple[str, ...]

    @property
    def chosen(self) -> Chosen:
        """What replays it."""
        return Chosen(self.happened, self.struck, self.crashed, self.ended)


def simulate(
    seed: int,
    crash_at: Sequence[int] | None = None,
    rates: Rates | None = None,
    *,
    faults: Chosen = Chosen(),
) -> Result:
    """One history. What is None is drawn from the seed; () is none. `crash_at`: short for
    `faults.crashes`."""
    luck = random.Random(seed)
    loop_luck = random.Random(luck.random())
    chosen = faults if crash_at is None else replace(faults, crashes=tuple(crash_at))
    history = _History(luck, chosen, rates)
    try:
        found = run(history.live(), loop_luck)
    except StandsStill as error:
        found = [f"time stands still: {error}"]
    return history.result(seed, found)


class _History:
    """One run. It outlives its loop, so that what hit it is known however it ended."""

    def __init__(self, luck: random.Random, chosen: Chosen, rates: Rates | None) -> None:
        self._luck = luck
        self._chosen = chosen
        self._rates = rates
        self._parts: tuple[Faults, World, Chaos] | None = None

    async def live(self) -> list[str]:
        """What was violated."""
        luck, chosen = self._luck, self._chosen
        drawn = _rates(luck)
        gap, end_gap = luck.choice((10, 30, 60)), luck.choice(END_GAPS)
        faults = Faults(
            random.Random(luck.random()),
            self._rates or drawn,
            chosen.crashes,
            crash_gap=gap,
            end_at=chosen.ends,
            end_gap=end_gap,
            strike_at=_set(chosen.strikes),
        )
        world = World(random.Random(luck.random()), faults)
        people = People(world, random.Random(luck.random()))
        chaos = Chaos(world, random.Random(luck.random()), _set(chosen.mishaps))
        listener = Listener(world, random.Random(luck.random()))
        self._parts = faults, world, chaos
        async with world, _beside(listener.listen()):
            await live_through(world, people, chaos, luck)
            world.stop_faults()
            chaos.stop()
            listener.away = False
            await people.thaw()
            await calm_down(world)
            await _tried(world, random.Random(luck.random()))
            found = checks.violations(world, people.acknowledged) + listener.missed()
            found += await doors.violations(world)
            found += await _silence(world)
            return world.watch.violations + found

    def result(self, seed: int, violations: Sequence[str]) -> Result:
        assert self._parts is not None
        faults, world, chaos = self._parts
        return Result(
            seed=seed,
            crashed=tuple(faults.crashes.died_at),
            ended=tuple(faults.ends.died_at),
            struck=tuple(faults.struck),
            happened=tuple(chaos.happened),
            violations=tuple(violations),
            trace=tuple(world.watch.trace),
        )


async def _tried(world: World, luck: random.Random) -> None:
    """What only a calm world can show, now and then."""
    for trial in (afterwards.neighbours, afterwards.outsiders):
        if luck.random() < TRIALS:
            await trial(world, luck)
            await calm_down(world)


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _set(numbers: Numbers) -> frozenset[int] | None:
    return None if numbers is None else frozenset(numbers)


def _rates(luck: random.Random) -> Rates:
    """A random subset of fault kinds per run: some bugs need the absence of other faults."""
    kinds = luck.sample(sorted(USUAL), k=luck.randint(0, len(USUAL)))
    return Rates(**{kind: USUAL[kind] for kind in kinds})


async def live_through(world: World, people: People, chaos: Chaos, luck: random.Random) -> None:
    """People change their minds and the world does not hold still, for `HISTORY_S`."""
    end_s = world.now_s + HISTORY_S
    while world.now_s < end_s:
        await asyncio.sleep(luck.random() * luck.choice((0.1, 4.0, 20.0)))
        await people.act()
        await chaos.act()


async def calm_down(world: World) -> None:
    """Until nothing was written for a while, or until it should long have been so."""
    limit_s = world.now_s + SETTLE_S_MAX
    writes, since_s = world.store.writes, world.now_s
    while world.now_s < limit_s and world.now_s - since_s < _quiet_s(world):
        await asyncio.sleep(5.0)
        if world.store.writes != writes:
            writes, since_s = world.store.writes, world.now_s


def _quiet_s(world: World) -> float:
    busy = any(world.progressing(unit) for unit in world.store.rows.units.values())
    return PATIENCE_S if busy else QUIET_S


async def _silence(world: World) -> list[str]:
    """A settled world writes nothing and does nothing, however long one listens."""
    units = world.store.rows.units.values()
    if any(checks.restless(world, unit) or checks.ticking(world, unit) for unit in units):
        return []
    writes, done = world.store.writes, len(world.watch.trace)
    await asyncio.sleep(SILENCE_S)
    found: list[str] = []
    if world.store.writes != writes:
        found.append(f"{world.store.writes - writes} commits were made in a settled world")
    if len(world.watch.trace) != done:
        found.append(f"something was done in a settled world: {world.watch.trace[done]}")
    return found


def replay_line(result: Result) -> str:
    """One line that replays a failing run, with as few faults as still make it fail."""
    fewest = shrink(
        result.chosen, lambda fewer: bool(simulate(result.seed, faults=fewer).violations)
    )
    told = " ".join(
        f"{option} {','.join(map(str, getattr(fewest, kind) or ())) or 'none'}"
        for option, kind in OPTIONS.items()
    )
    return f"python -m setpoint.testing.simulate --seed {result.seed} {told}"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    chosen = Chosen(options.mishap_at, options.strike_at, options.crash_at, options.end_at)
    return _replay(options.seed, chosen) if chosen != Chosen() else _hunt(options)


def _hunt(options: argparse.Namespace) -> int:
    started_s = time.perf_counter()
    daemons = supervisors = violated = 0
    seed, cpu_s = options.seed, 0.0
    failed: list[int] = []
    with _workers(options.workers) as each:
        while daemons + supervisors < options.points:
            batch = range(seed, seed + BATCH)
            for told in each(_told, batch):
                daemons += told.daemons
                supervisors += told.supervisors
                violated += told.violations
                cpu_s += told.cpu_s
                if told.line:
                    failed.append(told.seed)
                    print(told.line, file=sys.stderr)
            seed += BATCH
            points = daemons + supervisors
            rate = points / (time.perf_counter() - started_s)
            print(f"{points} crash points, {rate:.0f}/s, seed {seed}", file=sys.stderr)
    spent_s = time.perf_counter() - started_s
    points = (daemons, supervisors)
    _print(points, spent_s, cpu_s, violated, [options.seed, seed - 1], failed, options.workers)
    return 1 if violated else 0


class _Told(NamedTuple):
    """What is left of a run once it is over. `line`: replays it, if it failed. `cpu_s`: of one
    core, so that others on the machine do not count."""

    seed: int
    daemons: int
    supervisors: int
    violations: int
    line: str
    cpu_s: float


def _told(seed: int) -> _Told:
    began_s = time.process_time()
    result = simulate(seed)
    cpu_s = time.process_time() - began_s
    line = f"{replay_line(result)}  # {result.violations[0][:200]}" if result.violations else ""
    return _Told(seed, len(result.crashed), len(result.ended), len(result.violations), line, cpu_s)


@contextlib.contextmanager
def _workers(count: int) -> Generator[Callable[..., Iterable[_Told]]]:
    """Seeds share nothing: a process per core, or none but this one."""
    if count == 1:
        yield map
        return
    with ProcessPoolExecutor(count) as pool:
        yield pool.map


def _replay(seed: int, chosen: Chosen) -> int:
    started_s, began_s = time.perf_counter(), time.process_time()
    result = simulate(seed, faults=chosen)
    cpu_s = time.process_time() - began_s
    for line in (*result.trace, *result.violations):
        print(line, file=sys.stderr)
    spent_s = time.perf_counter() - started_s
    failed = [seed] if result.violations else []
    points = (len(result.crashed), len(result.ended))
    _print(points, spent_s, cpu_s, len(result.violations), [seed, seed], failed, 1)
    return 1 if result.violations else 0


def _print(
    died: tuple[int, int],
    spent_s: float,
    cpu_s: float,
    violated: int,
    seeds: list[int],
    failed: list[int],
    workers: int,
) -> None:
    """`died`: how many daemons and how many supervisors. `per_second_per_core`: points by the
    processor's time that their histories took."""
    told = {
        "points": sum(died),
        "daemons": died[0],
        "supervisors": died[1],
        "per_second": round(sum(died) / spent_s, 1) if spent_s else 0.0,
        "per_second_per_core": round(sum(died) / cpu_s, 1) if cpu_s else 0.0,
        "violations": violated,
        "seeds": seeds,
        "failed_seeds": failed,
        "workers": workers,
    }
    print(msgspec.json.encode(told).decode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="setpoint.testing.simulate", description=__doc__)
    parser.add_argument("--points", type=int, default=20_000, help="crash points to exercise")
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--workers", type=int, default=1, help="processes to spread seeds over")
    for option in OPTIONS:
        parser.add_argument(option, type=_numbers, help="replay one seed with these, or with none")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(int(n) for n in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
