"""The process that forks in the supervisor's stead."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Forker
from setpoint.drivers.local.sandbox.identity import look
from setpoint.model.errors import Transient
from setpoint.workers.forker import Order
from tests.integration.sandbox.box import Ground
from tests.support.waiting import until

UNTOLD = 20
"""Each is somewhere else on its way by then."""
SLEEP = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def forker(ground: Ground) -> Forker:
    assert ground.confinement.forker is not None
    return ground.confinement.forker


def test_whom_it_forks_is_our_child(ground: Ground) -> None:
    box = ground.start(SLEEP)
    box.hears(b"up")
    seen = look(box.identity.outer_pid)
    assert seen is not None
    assert seen.parent == os.getpid()


def test_it_is_started_anew_after_its_end(ground: Ground, forker: Forker) -> None:
    first = forker.pid
    before = ground.start(SLEEP)
    before.hears(b"up")
    os.kill(first, signal.SIGKILL)
    until(lambda: (seen := look(first)) is None or seen.zombie, what="it has ended")
    assert ground.start("print('hello')").ended() == (0, False)
    assert forker.pid != first
    assert sandbox.alive(before.identity)


def runs(pid: int) -> bool:
    seen = look(pid)
    return seen is not None and not seen.zombie


class Mute:
    """Dies each time between forking and saying whom, and is noticed when `noticed` returns."""

    def __init__(self, forker: Forker, noticed: Callable[[], None]) -> None:
        self._forker = forker
        self._noticed = noticed
        self.forked: list[int] = []

    def fork(self, order: Order) -> int:
        self.forked.append(self._forker.fork(order))
        self._noticed()
        raise ConnectionResetError("the process that forks has ended")


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("joined", [True, False])
def test_whom_it_forked_without_saying_so_ends_too(
    ground: Ground, forker: Forker, joined: bool
) -> None:
    groups, spec = ground.confinement.cgroups, ground.spec(SLEEP)
    assert groups is not None
    ground.readers.append(sandbox.open_output(spec.output))

    def is_in() -> None:
        until(lambda: not joined or groups.members(spec.folder), what="it is in its group")

    mute = Mute(forker, is_in)
    silent: Any = replace(ground.confinement, forker=mute)
    for _ in range(UNTOLD):
        with pytest.raises(Transient, match="has ended"):
            sandbox.launch(silent, spec)
        assert spec.folder not in groups.names()
    until(lambda: not any(map(runs, mute.forked)), what=f"all of {mute.forked} have ended")


def test_it_leaves_with_whom_it_works_for(ground: Ground, tmp_path: Path) -> None:
    own = Forker(ground.confinement.tools.forker, tmp_path)
    pid = own.pid
    own.close()
    assert look(pid) is None


@pytest.mark.usefixtures("hidden")
def test_a_start_that_fails_says_why(ground: Ground) -> None:
    tools = replace(ground.confinement.tools, bwrap=ground.folder / "absent")
    spec = ground.spec("")
    with pytest.raises(Transient, match="No such file or directory"):
        sandbox.launch(replace(ground.confinement, tools=tools), spec)
    groups = ground.confinement.cgroups
    assert groups is None or spec.folder not in groups.names()


def test_without_one_we_fork_ourselves(ground: Ground) -> None:
    alone = replace(ground, confinement=replace(ground.confinement, forker=None))
    assert alone.start("print('hello')").ended() == (0, False)


@pytest.mark.usefixtures("root")
def test_it_has_few_mounts_and_no_network_of_any_app(ground: Ground, forker: Forker) -> None:
    ground.start("")
    kinds = {line.split(" - ")[1].split()[0] for line in mounts(os.getpid())}
    assert "nsfs" in kinds
    kept = {line.split(" - ")[1].split()[0] for line in mounts(forker.pid)}
    assert "proc" in kept
    assert not kept & {"nsfs", "sysfs", "cgroup", "cgroup2", "devpts"}


ELSEWHERE_AND_BELOW = """
import subprocess, sys
from pathlib import Path
from typing import Any
from setpoint.drivers.local.sandbox import Forker

folder, script = Path(sys.argv[1]), Path(sys.argv[2])
runtime, elsewhere = folder / "run", folder / "disk"

def do(*command): subprocess.run([*map(str, command)], check=True)
def shown(at):
    lines = Path(f"/proc/{forker.pid}/mountinfo").read_text().splitlines()
    return str(at) in [line.split()[4] for line in lines]

do("mount", "--make-rshared", "/")
runtime.mkdir()
elsewhere.mkdir()
do("mount", "-t", "tmpfs", "none", runtime)
(runtime / "net").mkdir()
forker = Forker(script, runtime)
while Path("/proc/self/ns/mnt").readlink() == Path(f"/proc/{forker.pid}/ns/mnt").readlink(): pass
while shown("/sys"): pass
do("mount", "--bind", "/usr", runtime / "net")
do("mount", "-t", "tmpfs", "none", elsewhere)
print(shown(runtime / "net"), shown(elsewhere))
do("umount", elsewhere)
print(shown(elsewhere), Path("/sys/kernel").exists())
forker.close()
"""


@pytest.mark.usefixtures("root")
def test_mounts_come_and_go_there_too_but_for_networks(ground: Ground) -> None:
    """Where mounts are shared, as systemd makes them, in a namespace of the test's own."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    script = (sys.executable, "-c", ELSEWHERE_AND_BELOW)
    done = subprocess.run(
        [*("unshare", "--mount"), *script, ground.folder, ground.confinement.tools.forker],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.split() == ["False", "True", "False", "True"], done.stderr


def mounts(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
