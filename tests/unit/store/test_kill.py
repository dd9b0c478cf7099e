"""Whatever was acknowledged survives kill -9 in the middle of group commits."""

import signal
import subprocess
import sys

import pytest

from setpoint.store.sqlite import open_store
from tests.support.memory import run

WRITER = """
import asyncio, sys
from pathlib import Path
from setpoint.model.app import AppIntent
from setpoint.model.change import Actor, Asked
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import open_store

async def client(store, prefix, n):
    asked = Asked(Actor("dev", "dev@example.com"), "cli", 1.0)
    for turn in range(100_000):
        name = f"{prefix}-{n}-{turn}"
        committed = await store.commit(
            asked, "create", name, [UnitWrite(AppIntent(id=name, name=name), None)]
        )
        print(committed.change, name, flush=True)

async def main(folder, prefix):
    store = open_store(folder / "store.db", folder / "key")
    await asyncio.gather(*(client(store, prefix, n) for n in range(16)))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""

ACKNOWLEDGED_BEFORE_KILL = 200


@pytest.fixture
def writer(tmp_path):
    """Starts a process that writes for ever and tells each acknowledged change on stdout."""
    started = []

    def start(prefix):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), prefix],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_acknowledged_changes_survive_kill_9(tmp_path, writer):
    acknowledged = {}
    for prefix in ("a", "b", "c"):
        process = writer(prefix)
        lines = [process.stdout.readline() for _ in range(ACKNOWLEDGED_BEFORE_KILL)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")[:-1]  # what follows the last newline was cut off
        for line in [*lines, *rest]:
            seq, name = line.split()
            acknowledged[int(seq)] = name
        run(_all_there(tmp_path, acknowledged))


async def _all_there(folder, acknowledged):
    store = open_store(folder / "store.db", folder / "key")
    changes = {c.change.seq: c.change.summary for c in await store.changes(None, 1_000_000)}
    events = await store.events(0, 1_000_000)
    await store.close()
    assert acknowledged.items() <= changes.items()
    assert [e.cursor for e in events] == list(range(1, len(changes) + 1))
    assert sorted(changes) == list(range(1, len(changes) + 1))
