"""What a why costs, and how often there is one: `python -m bench.why`.

In the store: a million live fields and three million touches, written as rows, then asked for one
path at a time. End to end: the questions of `examples/on-call.sh` to a real Setpoint, in turn with
`git blame -L` on a file of 5,000 commits. Durable writes, in turn with the same without touches,
provenance and words. A demo of 200 ordinary Changes without a `-m`. The last line is one JSON
object.
"""

import argparse
import asyncio
import importlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.support.on_call import seeded

from bench import ordinary
from bench.history import APPS, CHANGES, FIELDS, TOUCHES, fill
from bench.plane import measured_plane
from bench.store import created, document, percentile
from setpoint.cli.parsing import parser_of
from setpoint.model.app import Formation, Unit
from setpoint.model.change import Actor, Asked, Touch
from setpoint.model.ids import AppId
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import SqliteStore, changes, open_store
from setpoint.store.sqlite.connection import Connection
from setpoint.testing.supervisor import CAPABILITIES
from setpoint.views import fields

GOALS = {
    "store_p50_ms": 1.0,
    "end_to_end_p95_ms": 100.0,
    "of_git_blame": 0.25,
    "write_ratio": 1.25,
    "answerable": 0.90,
    "required_flags": 0,
}
AT_LEAST = ("answerable",)
ACTOR = Actor("bench", "bench@example.com")
QUESTIONS = (
    ("1-3", "why", "bench", "web.max"),
    ("4", "why", "bench", "web.max", "--undo"),
    ("5", "digest", "--keep"),
    ("8", "bets", "--due"),
    ("9", "gaps"),
    ("10", "timeline", "bench"),
    ("12", "why", "bench", "--stale"),
)
COMMITS = 5_000
LINES = 100
WRITE_APPS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=int, default=2_000, help="paths, in the store")
    parser.add_argument("--rounds", type=int, default=25, help="of each question, end to end")
    parser.add_argument("--writes", type=int, default=2_000, help="of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder)
        result: dict[str, Any] = {"bench": "why", "cores": os.cpu_count()}
        result |= asyncio.run(in_store(place, options.asked))
        result |= asyncio.run(durable(place, options.writes))
        result |= asyncio.run(ordinary.answerable(place))
        result |= end_to_end(place, options.rounds)
        result["required_flags"] = required_flags()
    met = {n: _met(n, result[n], goal) for n, goal in GOALS.items()}
    print(json.dumps(result | {"goals": GOALS, "met": met}))


def _met(name: str, value: float, goal: float) -> bool:
    return value >= goal if name in AT_LEAST else value <= goal


# --- in the store --------------------------------------------------------------------------------


async def in_store(folder: Path, asked: int) -> dict[str, Any]:
    """`store_*`: what the store does for a why: who set a path, in which Change, what was noted of
    it, which decisions govern it. `answer_*`: all that `setpoint why` tells, with what going back
    would do."""
    began_s = time.perf_counter()
    units = await fill(folder / "large.db", folder / "large.key")
    filled_s = time.perf_counter() - began_s
    store = open_store(folder / "large.db", folder / "large.key")
    luck = random.Random(1)
    picked = [luck.choice(units) for _ in range(asked)]
    paths = [(id, f"config.KEY_{luck.randrange(FIELDS - 1)}") for id in picked]
    asking, history, whole = list[float](), list[float](), list[float]()
    for id, path in paths:
        asking.append(await _timed(lambda id=id, path=path: _why(store, id, path)))
    for id, path in paths[: asked // 4]:
        history.append(await _timed(lambda id=id, path=path: store.touching(id, path, 100)))
        name = f"app-{int(id[-12:])}"
        whole.append(
            await _timed(
                lambda name=name, path=path: fields.answer(
                    store, ACTOR, name, path, CAPABILITIES, time.time()
                )
            )
        )
    await store.close()
    size = (folder / "large.db").stat().st_size
    (folder / "large.db").unlink()
    return {
        "live_fields": APPS * FIELDS,
        "touches": APPS * CHANGES * TOUCHES,
        "changes": APPS * CHANGES,
        "filled_s": round(filled_s, 1),
        "store_mib": round(size / 2**20),
        **_told("store", asking),
        **_told("history", history),
        **_told("answer", whole),
    }


async def _why(store: SqliteStore, id: AppId, path: str) -> None:
    field = await store.field(id, path)
    assert field is not None, path
    (made,) = await store.change(field.change)
    assert any(touch.path == path for touch in made.touches)
    await store.notes([field.change])
    await store.decisions(unit=id)


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await ask()
    return (time.perf_counter() - began_s) * 1000


def _told(name: str, took_ms: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}_p50_ms": round(percentile(took_ms, 50), 3),
        f"{name}_p99_ms": round(percentile(took_ms, 99), 3),
    }


# --- durable writes ------------------------------------------------------------------------------


async def durable(folder: Path, writes: int) -> dict[str, Any]:
    """One writer, fsynced; a write with its provenance and one without, in turn."""
    store = open_store(folder / "writes.db", folder / "writes.key")
    units = await created(store, [document(n) for n in range(WRITE_APPS)])
    turns = itertools.cycle(range(WRITE_APPS))
    took: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(writes):
        for kind in took:
            place = next(turns)
            took[kind].append(await _timed(lambda k=kind, p=place: _write(store, units, p, k)))
    await store.close()
    both = {kind: percentile(times, 50) for kind, times in took.items()}
    return {
        "write_ms": round(both["with"], 3),
        "bare_write_ms": round(both["without"], 3),
        "write_ratio": round(both["with"] / both["without"], 2),
        "write_mean_ratio": round(
            statistics.mean(took["with"]) / statistics.mean(took["without"]), 2
        ),
        "writes": writes,
    }


async def _write(store: SqliteStore, units: list[Unit], place: int, kind: str) -> None:
    before = units[place]
    formation = {"web": Formation(1, 2 + before.rev % 50)}
    after = msgspec.structs.replace(before.intent, formation=formation)
    why = "more visitors than last week" if kind == "with" else ""
    asked = Asked(ACTOR, "api", time.time(), why=why, why_source="flag" if why else "none")
    write = [UnitWrite(after, before.rev)]
    if kind == "with":
        done = await store.commit(asked, "scale", "Scale web", write)
    else:
        with _without_provenance():
            done = await store.commit(asked, "scale", "Scale web", write)
    units[place] = done.units[0]


@contextmanager
def _without_provenance() -> Generator[None]:
    """The document and its Change alone: no touches, no fields."""
    whole = changes.insert_unit

    def bare(db: Connection, unit: Unit, intent: bytes, _: Sequence[Touch]) -> None:
        whole(db, unit, intent, ())

    changes.insert_unit = bare
    try:
        yield
    finally:
        changes.insert_unit = whole


# --- end to end ----------------------------------------------------------------------------------


def end_to_end(folder: Path, rounds: int) -> dict[str, Any]:
    """Each question is a process of its own, as is each `git blame`."""
    repository = _repository(folder / "repository")
    blame = ["git", "-C", str(repository), "blame", "-L", f"{LINES},{LINES}", "file"]
    took: dict[str, list[float]] = {number: [] for number, *_ in QUESTIONS}
    blamed: list[float] = []
    with measured_plane() as plane:
        seeded(plane, "bench")
        setpoint = [*_setpoint()]
        env = plane.env()
        for _ in range(rounds):
            for number, *words in QUESTIONS:
                took[number].append(_ran_ms([*setpoint, *words], env))
            blamed.append(_ran_ms(blame, env))
    every = [ms for times in took.values() for ms in times]
    why = took["1-3"]
    blame_p50, p50 = percentile(blamed, 50), percentile(why, 50)
    return {
        "rounds": rounds,
        "end_to_end_p50_ms": round(percentile(every, 50), 1),
        "end_to_end_p95_ms": round(percentile(every, 95), 1),
        "questions_p50_ms": {n: round(percentile(t, 50), 1) for n, t in took.items()},
        "why_ms": round(p50, 1),
        "git_blame_ms": round(blame_p50, 1),
        "of_git_blame": round(p50 / blame_p50, 2),
        "commits": COMMITS,
    }


def _setpoint() -> Sequence[str]:
    """As it is installed: a small file that the interpreter runs."""
    return (str(Path(sys.prefix) / "bin" / "setpoint"),)


def _ran_ms(command: Sequence[str], env: dict[str, str]) -> float:
    began_s = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    took_ms = (time.perf_counter() - began_s) * 1000
    assert done.returncode in (0, 3), (command, done.stderr)
    return took_ms


def _repository(folder: Path) -> Path:
    """A file of 100 lines, of which each commit alters one; but the last, which stands since the
    first: whoever asks on call asks about what nobody has touched for long."""
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    lines = [f"line {n}" for n in range(LINES)]
    luck = random.Random(1)
    stream: list[str] = []
    for number in range(COMMITS):
        lines[luck.randrange(LINES - 1)] = f"line as of commit {number}"
        text = "\n".join(lines) + "\n"
        said = f"Alter a line, for the {number}th time\n"
        stream.append(
            f"commit refs/heads/main\ncommitter Dev <dev@example.com> {1_700_000_000 + number} "
            f"+0000\ndata {len(said)}\n{said}M 100644 inline file\ndata {len(text)}\n{text}\n"
        )
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "fast-import", "--quiet"], input="".join(stream).encode(), check=True)
    subprocess.run([*git, "symbolic-ref", "HEAD", "refs/heads/main"], check=True)
    subprocess.run([*git, "reset", "-q", "--hard"], check=True)
    return folder


# --- what is asked of somebody alone -------------------------------------------------------------

CHANGING = ("deploy", "create", "config", "scale", "restart", "rollback", "rename", "maintenance")


def required_flags() -> int:
    """Options without which a command that changes something does nothing."""
    modules = {name: importlib.import_module(f"setpoint.cli.{name}") for name in CHANGING}
    return sum(
        action.required and bool(action.option_strings)
        for name, module in modules.items()
        for action in parser_of(name, name, module)._actions  # pyright: ignore[reportPrivateUsage]
    )


if __name__ == "__main__":
    main()
