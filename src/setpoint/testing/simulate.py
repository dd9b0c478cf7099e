"""`python -m setpoint.testing.simulate --points N [--seed S]`: crash points, by the thousand.

Runs seed after seed until N crash points were exercised. A failing run prints one line that
replays it. The last line on stdout is one JSON object; exit 1 if anything was violated.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from setpoint.testing import checks
from setpoint.testing.faults import Faults, Rates
from setpoint.testing.histories import Chaos, People
from setpoint.testing.loop import run
from setpoint.testing.world import World

HISTORY_S = 150.0
"""How long people change their minds and faults last, in virtual seconds."""
SETTLE_S_MAX = 1500.0
"""The longest backoff is 300 s, and a crash loop may be deep in it when the faults stop."""
QUIET_S = 130.0
"""No write for longer than an orphan's grace and two periods: settled."""
SILENCE_S = 300.0
"""So long nothing at all may happen after that."""
SHRINK_RUNS_MAX = 120
"""A few seconds for a line short enough to read."""
FAULT_KINDS = ("refused", "lost", "slow", "late", "stale", "deaf")


@dataclass(frozen=True)
class Result:
    """What came of one seed. `crashed`: the crash points at which the daemon died."""

    seed: int
    crashed: tuple[int, ...]
    points: int
    violations: tuple[str, ...]
    trace: tuple[str, ...]


def simulate(
    seed: int, crash_at: Sequence[int] | None = None, rates: Rates | None = None
) -> Result:
    """One history. `crash_at` and `rates`: None draws them from the seed; () is no crash."""
    luck = random.Random(seed)
    loop_luck = random.Random(luck.random())
    chosen = None if crash_at is None else tuple(crash_at)
    return run(_one(seed, luck, chosen, rates), loop_luck)


async def _one(
    seed: int, luck: random.Random, crash_at: tuple[int, ...] | None, rates: Rates | None
) -> Result:
    drawn = _rates(luck)
    gap = luck.choice((10, 30, 60))
    faults = Faults(random.Random(luck.random()), rates or drawn, crash_at, crash_gap=gap)
    world = World(random.Random(luck.random()), faults)
    people = People(world, random.Random(luck.random()))
    chaos = Chaos(world, random.Random(luck.random()))
    async with world:
        await _history(world, people, chaos, luck)
        world.stop_faults()
        chaos.stop()
        await _calm_down(world)
        found = world.watch.violations + checks.violations(world, people.acknowledged)
        found += await _silence(world)
    return Result(
        seed, tuple(faults.crashed), faults.points, tuple(found), tuple(world.watch.trace)
    )


def _rates(luck: random.Random) -> Rates:
    """A random subset of fault kinds per run: some bugs need the absence of other faults."""
    kinds = luck.sample(FAULT_KINDS, k=luck.randint(0, len(FAULT_KINDS)))
    usual = {"refused": 0.02, "lost": 0.02, "slow": 0.1, "late": 0.04, "stale": 0.3, "deaf": 0.5}
    return Rates(**{kind: usual[kind] for kind in kinds})


async def _history(world: World, people: People, chaos: Chaos, luck: random.Random) -> None:
    end_s = world.now_s + HISTORY_S
    while world.now_s < end_s:
        await asyncio.sleep(luck.random() * luck.choice((0.1, 4.0, 20.0)))
        await people.act()
        await chaos.act()


async def _calm_down(world: World) -> None:
    """Until nothing was written for a while, or until it should long have been so."""
    limit_s = world.now_s + SETTLE_S_MAX
    writes, since_s = world.store.writes, world.now_s
    while world.now_s < limit_s and world.now_s - since_s < QUIET_S:
        await asyncio.sleep(5.0)
        if world.store.writes != writes:
            writes, since_s = world.store.writes, world.now_s


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
    """One line that replays a failing run, with as few crashes as still make it fail."""
    at = ",".join(str(n) for n in _fewest(result)) or "none"
    return f"python -m setpoint.testing.simulate --seed {result.seed} --crash-at {at}"


def _fewest(result: Result) -> tuple[int, ...]:
    """Leave out ever smaller parts of the crashes, as long as it goes on failing."""
    kept, runs = result.crashed, 0
    size = len(kept)
    while size >= 1 and runs < SHRINK_RUNS_MAX:
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            runs += 1
            if simulate(result.seed, fewer).violations:
                kept = fewer
                break
        else:
            size //= 2
        size = min(size, len(kept))
    return kept


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.crash_at is not None:
        return _replay(options.seed, options.crash_at)
    started_s = time.perf_counter()
    points, violated = 0, 0
    seed = options.seed
    failed: list[int] = []
    while points < options.points:
        result = simulate(seed)
        points += len(result.crashed)
        if result.violations:
            violated += len(result.violations)
            failed.append(seed)
            print(f"{replay_line(result)}  # {result.violations[0][:200]}", file=sys.stderr)
        seed += 1
        if seed % 25 == 0:
            rate = points / (time.perf_counter() - started_s)
            print(f"{points} crash points, {rate:.0f}/s, seed {seed}", file=sys.stderr)
    spent_s = time.perf_counter() - started_s
    _print(points, spent_s, violated, [options.seed, seed - 1], failed)
    return 1 if violated else 0


def _replay(seed: int, crash_at: str) -> int:
    points = () if crash_at == "none" else tuple(int(n) for n in crash_at.split(","))
    started_s = time.perf_counter()
    result = simulate(seed, points)
    for line in (*result.trace, *result.violations):
        print(line, file=sys.stderr)
    spent_s = time.perf_counter() - started_s
    failed = [seed] if result.violations else []
    _print(len(result.crashed), spent_s, len(result.violations), [seed, seed], failed)
    return 1 if result.violations else 0


def _print(points: int, spent_s: float, violated: int, seeds: list[int], failed: list[int]) -> None:
    told = {
        "points": points,
        "per_second": round(points / spent_s, 1) if spent_s else 0.0,
        "violations": violated,
        "seeds": seeds,
        "failed_seeds": failed,
    }
    print(msgspec.json.encode(told).decode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="setpoint.testing.simulate", description=__doc__)
    parser.add_argument("--points", type=int, default=20_000, help="crash points to exercise")
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--crash-at", help="replay one seed: crash points, comma-separated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
