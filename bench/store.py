"""Durable commits beside etcd: `python -m bench.store`.

The whole path of the store's port (document, Change, provenance, event) for 10,000 apps whose
documents have 1 KiB, in turn with an etcd of its own on the same disk that is asked for three puts
of 1 KiB in one transaction. Ours are asked for within the process, as the daemon does; etcd over
its own protocol, as its clients do. The last line is one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from bench import etcd
from setpoint.model.app import AppIntent, Formation, SecretRef, Source, Unit
from setpoint.model.change import Actor, Asked
from setpoint.model.ids import AppId, Digest
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import SqliteStore, open_store

GOALS = {"times_etcd_64": 4.0}
CLIENTS = (1, 16, 64)
APPS = 10_000
PUTS = 3
PUT_BYTES = 1024
GROUP = 256
ACTOR = Actor("bench", "bench@example.com")

T = TypeVar("T")
Commit = Callable[[int], Awaitable[None]]
"""One more of client number n."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="of each number of clients")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round, and each store")
    options = parser.parse_args()
    if etcd.installed() is None:
        sys.exit(f"cannot measure store: etcd is not installed\ninstall it: {etcd.INSTALL}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), options.rounds, options.seconds))))


async def measure(folder: Path, rounds: int, seconds: float) -> dict[str, object]:
    async with setpoint(folder) as ours, etcd.running(folder) as client:
        stores = {"setpoint": ours, "etcd": _etcd(client)}
        tallies = {(name, clients): Tally() for name in stores for clients in CLIENTS}
        for _, clients, name in itertools.product(range(rounds), CLIENTS, stores):
            await take(tallies[name, clients], stores[name], clients, seconds)
    result: dict[str, object] = {
        "bench": "store",
        "cores": os.cpu_count(),
        "rounds": rounds,
        "round_s": seconds,
    }
    for clients in CLIENTS:
        ours, theirs = tallies["setpoint", clients], tallies["etcd", clients]
        result |= ours.told(f"setpoint_{clients}") | theirs.told(f"etcd_{clients}")
        times = [a / b for a, b in zip(ours.per_s, theirs.per_s, strict=True)]
        result[f"times_etcd_{clients}"] = round(statistics.median(times), 2)
        result[f"times_etcd_{clients}_each"] = [round(each, 2) for each in times]
    return result | {"goals": GOALS, "met": {n: result[n] >= goal for n, goal in GOALS.items()}}  # pyright: ignore[reportOperatorIssue]


@dataclass
class Tally:
    """What one store did for one number of clients: each round's commits a second, all times."""

    per_s: list[float] = field(default_factory=list[float])
    took_ms: list[float] = field(default_factory=list[float])

    def told(self, name: str) -> dict[str, object]:
        return {
            f"{name}_per_s": [round(each) for each in self.per_s],
            f"{name}_p50_ms": round(percentile(self.took_ms, 50), 2),
            f"{name}_p99_ms": round(percentile(self.took_ms, 99), 2),
        }


async def take(tally: Tally, commit: Commit, clients: int, seconds: float) -> None:
    began_s = time.perf_counter()
    end_s, before = began_s + seconds, len(tally.took_ms)

    async def client(number: int) -> None:
        while (asked_s := time.perf_counter()) < end_s:
            await commit(number)
            tally.took_ms.append((time.perf_counter() - asked_s) * 1000)

    await asyncio.gather(*(client(number) for number in range(clients)))
    tally.per_s.append((len(tally.took_ms) - before) / (time.perf_counter() - began_s))


@asynccontextmanager
async def setpoint(folder: Path) -> AsyncGenerator[Commit]:
    """Every client has apps of its own, and goes from one to the next."""
    store = open_store(folder / "store.db", folder / "key")
    units = await created(store, [document(n) for n in range(APPS)])
    turns = [itertools.cycle(range(n, APPS, max(CLIENTS))) for n in range(max(CLIENTS))]

    async def commit(client: int) -> None:
        place = next(turns[client])
        before = units[place]
        formation = {"web": Formation(1, 2 + before.rev % 50)}
        after = msgspec.structs.replace(before.intent, formation=formation)
        asked = Asked(ACTOR, "api", time.time(), why="more visitors", request_id="r-1")
        write = UnitWrite(after, before.rev)
        done = await store.commit(asked, "scale", "Scale web to 1..2", [write])
        units[place] = done.units[0]

    try:
        yield commit
    finally:
        await store.close()


def document(number: int) -> AppIntent:
    """1 KiB, as JSON."""
    return AppIntent(
        AppId(f"00000000-0000-4000-8000-{number:012}"),
        f"app-{number}",
        Source(Digest("0" * 64), "v1"),
        config={f"KEY_{n}": SecretRef(f"{number:024}{n:08}", 1) for n in range(9)},
        formation={"web": Formation(1, 1)},
    )


def _etcd(client: etcd.Client) -> Commit:
    """The object and two rows of its own for each transaction, as ours has."""
    numbers, value = itertools.count(), random.Random(1).randbytes(PUT_BYTES)

    async def commit(_: int) -> None:
        number = next(numbers)
        logged = [(f"log-{n}/{number}".encode(), value) for n in range(1, PUTS)]
        await client.put_all([(f"app/{number * 7919 % APPS}".encode(), value), *logged])

    return commit


async def created(store: SqliteStore, intents: Sequence[AppIntent]) -> list[Unit]:
    async def create(intent: AppIntent) -> Unit:
        asked = Asked(ACTOR, "api", time.time())
        return (await store.commit(asked, "create", "Create", [UnitWrite(intent, None)])).units[0]

    found: list[Unit] = []
    for portion in portions(intents):
        found += await asyncio.gather(*(create(intent) for intent in portion))
    return found


def portions(of: Iterable[T]) -> Iterator[list[T]]:
    """As many at a time as the store takes in one commit."""
    left = iter(of)
    while portion := list(itertools.islice(left, GROUP)):
        yield portion


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


if __name__ == "__main__":
    main()
