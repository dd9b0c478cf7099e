"""Everything is looked at in a process of its own: a real plane's, and one that asks beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until

PERIOD_S = 30.0

STORY = """
import asyncio, json, os, signal, sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from msgspec.structs import replace
from setpoint.converge.diary import Page, Rest
from setpoint.converge.facts import digest, look
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.model.ids import AppId
from setpoint.processes import surveyor

paths = Paths(Path(sys.argv[1]), Path(sys.argv[2]))
forked = surveyor.fork(partial(surveyor.surveyor_of, paths))

full = [OSError("no descriptor left")]

def make():
    if full:
        raise full.pop()
    return surveyor.surveyor_of(paths)

async def story():
    edge = EdgeClient(paths.edge_socket)
    driver = LocalDriver(paths.supervisor_socket, paths.sources)
    apart = surveyor.Apart(forked, make)
    first = await apart.survey(Page())
    (app,) = first.restless
    facts = (await look(driver, edge, 5.0, [app])).of(app)
    rest = Page(rests={app: Rest(10**9, digest(facts))})
    at_rest = await apart.survey(rest)
    had = facts.route.route
    await edge.remove_route(had.app, had.fence)
    await edge.ensure_route(replace(had, app=AppId("0000-nobodys"), backends=()), None, "")
    drifted = await apart.survey(Page())
    os.kill(forked.pid, signal.SIGKILL)
    with suppress(OSError):
        await apart.survey(Page())
    assert not full
    alone = await apart.survey(Page())
    await apart.close()
    await edge.remove_route(AppId("0000-nobodys"), had.fence)
    await edge.ensure_route(had, None, "")
    told = (at_rest.restless, drifted.restless == [app], sorted(drifted.unknown), alone == drifted)
    print(json.dumps([first.unknown == {}, *told]))

asyncio.run(story())
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    """One app is reason enough for a process."""
    with pytest.MonkeyPatch.context() as patch, fresh_plane(start=False) as plane:
        patch.setenv("SETPOINT_SURVEYOR_FROM_APPS", "1")
        plane.up()
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        anew(plane)
        yield plane


def anew(plane: Plane) -> None:
    """Another daemon, which finds as many apps as there are by now."""
    before = plane.kill("daemon")
    until(lambda: plane.pid("daemon") != before and plane.cli("status").code == 0, 60, "a daemon")


def surveyors(plane: Plane) -> list[int]:
    """The daemon's children: it has no others."""
    pid = plane.pid("daemon")
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def log(plane: Plane) -> str:
    return (plane.data / "log" / "daemon.log").read_text()


def test_whoever_is_as_it_was_rests_and_whoever_is_not_is_named(served: Plane) -> None:
    daemon = served.pid("daemon")
    os.kill(daemon, signal.SIGSTOP)  # it would mend what is broken here
    try:
        ran = subprocess.run(
            [sys.executable, "-c", STORY, str(served.data), str(served.runtime)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == '[true, [], true, ["0000-nobodys"], true]'
    assert "surveyor.gone" in ran.stderr or ran.stderr == ""
    until(lambda: served.get("shop").status == 200, 60, "the edge is as it was")


def test_it_keeps_none_of_the_daemons_descriptors_and_ends_with_it(served: Plane) -> None:
    (pid,) = surveyors(served)
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    listening = {os.readlink(path) for path in Path(f"/proc/{served.pid('daemon')}/fd").iterdir()}
    shared = {name for name in held & listening if name.startswith(("socket:", "pipe:"))}
    assert shared <= {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)}
    os.kill(pid, signal.SIGSTOP)
    anew(served)
    until(lambda: not Path(f"/proc/{pid}").exists(), 60, "it has ended")


def test_without_it_the_daemon_looks_for_itself(served: Plane) -> None:
    (pid,) = surveyors(served)
    os.kill(pid, signal.SIGKILL)
    until(lambda: f"surveyor.gone pid={pid}" in log(served), 2 * PERIOD_S + 60, "it was missed")
    until(lambda: not surveyors(served), 60, "it was buried")
    assert served.cli("status", "shop").code == 0
    anew(served)
    assert len(surveyors(served)) == 1


def test_a_number_that_is_none_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SETPOINT_SURVEYOR_FROM_APPS", "many")
    with fresh_plane(start=False) as plane:
        ran = plane.cli("up", "--detach", "--edge-port", "0", "--api-port", "0")
    assert ran.code != 0
    assert "SETPOINT_SURVEYOR_FROM_APPS='many' is not a whole number" in ran.err
