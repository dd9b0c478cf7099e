"""A supervisor dies: what it started goes on, is found again, and its end is still known."""

import json
import os
import select
import subprocess
import sys

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.sandbox.identity import start_time
from tests.integration.sandbox.box import Box, Ground

BEGIN = """
import json, sys, os
from tests.integration.sandbox.box import Ground
from setpoint.drivers.local import sandbox
from pathlib import Path
tools, installation, folder, code = sys.argv[1:]
ground = Ground(sandbox.probe(Path(tools), installation), Path(folder))
ground.boxes += [None]  # the second name, so that both launchers differ
box = ground.start(code)
i = box.identity
print(json.dumps([i.inner_pid, i.inner_start, i.outer_pid, i.outer_start]), flush=True)
os.kill(os.getpid(), 9)
"""

CODE = "import time, sys; print('up', flush=True); time.sleep(60)"


def orphaned(ground: Ground, code: str) -> Box:
    """Started by a process that is dead now."""
    spec = ground.spec(code, name="web.2")
    reader = sandbox.open_output(spec.output)
    ground.readers.append(reader)
    tools = ground.confinement.tools.etc.parents[1]
    arguments = (str(tools), ground.confinement.installation, str(ground.folder), code)
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    box = Box(ground.confinement, spec, Identity(*json.loads(done.stdout)), reader)
    ground.boxes.append(box)
    return box


@pytest.mark.usefixtures("hidden")
def test_a_start_goes_on_though_nobody_waits_for_it_any_more(ground: Ground) -> None:
    """Whoever began it dies before bubblewrap has told what it made."""
    spec = ground.spec("print('up', flush=True)")
    reader = sandbox.open_output(spec.output)
    ground.readers.append(reader)
    starting = sandbox.begin(ground.confinement, spec)
    os.close(starting.fd)
    box = Box(
        ground.confinement, spec, Identity(0, 0, starting.outer_pid, starting.outer_start), reader
    )
    ground.boxes.append(box)
    box.hears(b"up")
    assert box.ended() == (0, False)


def test_an_orphan_is_alive_and_watchable(ground: Ground) -> None:
    box = orphaned(ground, CODE)
    box.hears(b"up")
    assert sandbox.alive(box.identity)
    watched = sandbox.open_pidfd(box.identity)
    assert watched is not None
    assert not select.select([watched], [], [], 0)[0]
    os.close(watched)
    sandbox.terminate(ground.confinement, box.identity)
    assert box.ended() == (143, False)


def test_an_exit_nobody_watched_is_still_known(ground: Ground) -> None:
    box = orphaned(ground, "import sys; sys.exit(42)")
    assert box.ended() == (42, False)


def test_instances_are_found_without_any_record(ground: Ground) -> None:
    first = orphaned(ground, CODE)
    second = ground.start(CODE, app="appb", name="worker.1")
    first.hears(b"up")
    second.hears(b"up")
    found = {(name, app): identity for name, app, identity in sandbox.find_ours(ground.confinement)}
    assert found == {("web.2", "appa"): first.identity, ("worker.1", "appb"): second.identity}


def test_another_installation_is_not_ours(ground: Ground) -> None:
    from dataclasses import replace

    box = ground.start(CODE)
    box.hears(b"up")
    other = replace(ground.confinement, installation="other", cgroups=None)
    assert sandbox.find_ours(other) == []


def test_an_instance_without_its_monitor_is_found(ground: Ground, hidden: None) -> None:
    box = ground.start(CODE)
    box.hears(b"up")
    os.kill(box.identity.outer_pid, 9)
    os.waitpid(box.identity.outer_pid, 0)
    [(name, app, identity)] = sandbox.find_ours(ground.confinement)
    assert (name, app) == (box.spec.name, box.spec.app)
    assert identity == Identity(box.identity.inner_pid, box.identity.inner_start, 0, 0)


@pytest.mark.parametrize("delta", [1, -1], ids=["younger", "older"])
def test_a_reused_pid_is_somebody_else(ground: Ground, delta: int) -> None:
    """Our own pid stands in for the stranger who got the number."""
    stranger = Identity(os.getpid(), start_time(os.getpid()) + delta, 0, 0)
    assert not sandbox.alive(stranger)
    assert sandbox.open_pidfd(stranger) is None
    sandbox.kill(ground.confinement, stranger)
    sandbox.terminate(ground.confinement, stranger)
