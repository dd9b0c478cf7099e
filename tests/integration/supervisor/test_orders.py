"""A standing order is carried out by the real supervisor, with real sandboxes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.client import LocalDriver
from setpoint.formats import control
from setpoint.model.app import Upkeep
from setpoint.model.errors import Terminal
from setpoint.model.ids import Fence
from setpoint.model.process import Bounds, Phase, SetOrder
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, get
from tests.support.waiting import until

MSGSPEC = {"msgspec", "typing_extensions.py", "_virtualenv.py"}
"""with what it loads itself, and what a virtual environment brings"""


def test_a_web_process_answers_where_the_facts_say(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order, GREETING="hello")
    (web,) = plane.ready(order)
    status, body = get(web)
    assert status == 200
    assert body.startswith(b"web.1 hello")


def test_the_same_order_twice_is_nothing(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    before = plane.ready(order)
    plane.apply(order)
    assert plane.ready(order) == before


def test_each_app_runs_as_a_user_of_its_own(plane: Plane) -> None:
    if plane.probe().level != "L3":
        pytest.skip(f"needs root: this is level {plane.probe().level}")
    orders = [plane.order(name, programs.WEB) for name in ("shop", "blog")]
    for order in orders:
        plane.apply(order)
    for order in orders:
        plane.ready(order)
    uids = {os.stat(f"/proc/{pid}").st_uid for pid in plane.pids().values()}
    assert len(uids) == 2
    assert 0 not in uids


def test_what_crashes_is_started_again_with_growing_pauses(plane: Plane) -> None:
    order = plane.order("shop", programs.CRASHES)
    plane.apply(order)
    facts = plane.when(order, lambda facts: facts.crashes >= 3)
    assert facts.last_exit is not None
    assert facts.last_exit.code == 1
    assert facts.last_lines[-2:] == ("about to fail", "because of this")
    first, again = (act for act in plane.run(lambda d: d.acts(0)) if act.verb == "start")
    assert (first.count, again.count) == (1, facts.crashes - 1)
    assert "exited with code 1" in again.because
    plane.says("shop", "State changed from starting to crashed")
    plane.says("shop", "Process exited with status 1")


def test_a_crash_after_serving_is_healed(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    get(web, "/crash")
    facts = plane.when(order, lambda f: f.ready and f.ready[0].id != web.id)
    assert facts.last_exit is not None
    assert facts.last_exit.code == 3
    assert not facts.failures


def test_a_release_that_never_gets_ready_is_given_up(plane: Plane) -> None:
    order = plane.order("shop", programs.CRASHES, attempts_max=2)
    plane.apply(order)
    facts = plane.when(order, lambda facts: facts.gave_up)
    assert facts.failures == 2
    assert "because of this" in facts.last_lines


def test_an_app_that_never_binds_its_port_is_given_up_at_once(plane: Plane) -> None:
    bounds = Bounds(1, 1, boot_s_max=1.0)
    order = plane.order("shop", programs.HANGS, bounds=bounds, attempts_max=3)
    plane.apply(order)
    facts = plane.when(order, lambda facts: facts.gave_up)
    assert facts.failures == 1
    assert facts.last_exit is not None
    assert facts.last_exit.timed_out
    assert facts.last_lines == ("thinking",)
    plane.says("shop", "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 1")


def test_a_memory_hog_is_told_apart_from_a_crash(plane: Plane) -> None:
    if not plane.probe().limits:
        pytest.skip("needs cgroups: no limits on this machine")
    order = plane.order("shop", programs.EATS_MEMORY, memory_bytes_max=64 * 1024 * 1024)
    plane.apply(order)
    facts = plane.when(order, lambda facts: facts.last_exit)
    assert facts.last_exit is not None
    assert facts.last_exit.oom
    plane.says("shop", "Error R15")


def test_a_stale_fence_is_refused_and_changes_nothing(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB, generation=5)
    plane.apply(order)
    (web,) = plane.ready(order)
    older = plane.order("shop", programs.CRASHES, generation=4)
    with pytest.raises(Terminal, match=r"fence 1\.4 is stale, 1\.5 was here"):
        plane.apply(older)
    with pytest.raises(Terminal, match="stale"):
        plane.run(lambda driver: driver.remove(order.key, Fence(1, 4)))
    assert plane.facts(order).ready == (web,)
    assert older.key not in plane.sets()


def test_scaling_down_waits_until_the_edge_lets_go(plane: Plane) -> None:
    two = plane.order("shop", programs.WEB, bounds=Bounds(2, 2))
    plane.apply(two)
    plane.ready(two, 2)
    one = plane.order("shop", programs.WEB, bounds=Bounds(1, 1))
    plane.apply(one)
    facts = plane.when(one, lambda f: any(i.phase is Phase.DRAINING for i in f.instances))
    (leaving,) = (i for i in facts.instances if i.phase is Phase.DRAINING)
    assert leaving.ordinal == 2
    assert get(leaving)[0] == 200
    plane.tell(control.Drained(leaving.id))
    facts = plane.when(one, lambda f: len(f.instances) == 1)
    assert facts.crashes == 0
    plane.says("shop", "State changed from up to down")


def test_demand_wakes_a_web_app_and_idleness_ends_it(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB, bounds=Bounds(0, 1, idle_s=0.3))
    plane.apply(order)
    plane.when(order, lambda f: f.ever_ready and not f.instances)
    plane.tell(control.Demand(order.key, 3))
    plane.ready(order)
    plane.tell(control.Demand(order.key, 0))
    plane.when(order, lambda f: not f.instances)


def test_a_removed_set_is_gone_for_good(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    plane.remove(order)
    plane.gone(order)
    assert plane.pids() == {}
    plane.remove(order)
    plane.run(lambda driver: driver.drop(order.key.app))
    left = sorted(plane.paths.supervisor.iterdir())
    assert [path.name for path in left] == ["imports", "jobs"], "folders outlive every app"
    assert [path for folder in left for path in folder.iterdir()] == []
    assert not (plane.paths.logs / order.key.app).exists()


def test_an_app_is_not_forgotten_while_it_runs(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    with pytest.raises(Exception, match="still"):
        plane.run(lambda driver: driver.drop(order.key.app))


def test_a_worker_is_up_once_it_has_stayed_up(plane: Plane) -> None:
    order = plane.order("shop", programs.TICKS, process="clock", kind="worker")
    plane.apply(order)
    (clock,) = plane.ready(order)
    assert clock.endpoint is None
    plane.says("shop", "tick")


def test_a_folder_outside_the_app_is_refused(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    escaping = replace(order, spec=replace(order.spec, folder="../../../etc"))
    with pytest.raises(Terminal, match="outside the app"):
        plane.apply(escaping)


def test_every_cgroup_and_record_is_gone_with_its_instance(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    plane.remove(order)
    plane.gone(order)
    until(lambda: not list(plane.paths.instances.iterdir()), what="no file of an instance is left")


def test_how_busy_a_set_is_wakes_nobody(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)

    async def hears_within(driver: LocalDriver, seconds: float) -> int:
        heard = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in driver.changes():
                    heard += 1
                    plane.tell(control.Activity(order.key, heard, 1e10))
        return heard

    assert plane.run(lambda driver: hears_within(driver, 0.5)) == 1
    assert plane.facts(order).in_flight == 1


def test_the_supervisor_loads_no_code_of_others_but_msgspec() -> None:
    show = (
        "import sys, setpoint.processes.supervisor\n"
        "files = (getattr(m, '__file__', None) or '' for m in list(sys.modules.values()))\n"
        "found = (f.rpartition('site-packages/')[2] for f in files if 'site-packages' in f)\n"
        "print(*{name.split('/')[0] for name in found})"
    )
    answer = subprocess.run([sys.executable, "-I", "-c", show], capture_output=True, text=True)
    assert set(answer.stdout.split()) <= MSGSPEC, answer.stderr


def test_strangers_are_not_answered(plane: Plane) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: only root can be somebody else")
    knock = (
        "import os, socket, sys\n"
        "os.setresgid(0, 0, 0); os.setresuid(65534, 65534, 65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "try:\n"
        '    s.sendall(b\'{"type": "Probe"}\\n\')\n'
        "    print('heard', len(s.recv(10)))\n"
        "except ConnectionError:\n"
        "    print('heard 0')"
    )
    path = plane.paths.supervisor_socket
    path.chmod(0o666)
    answer = subprocess.run(
        [sys.executable, "-I", "-c", knock, str(path)], capture_output=True, text=True
    )
    assert answer.stdout.strip() == "heard 0", answer.stderr


def test_a_kill_by_an_outsider_is_told_apart_from_a_crash_and_with_its_repair(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    (inner,) = plane.pids().values()
    os.kill(inner, signal.SIGKILL)
    plane.when(order, lambda f: f.ready and f.ready[0].id != web.id)
    acts = plane.run(lambda driver: driver.acts(0))
    told = [(a.verb, a.subject) for a in acts if a.verb in ("drifted", "repaired")]
    assert told == [("drifted", "web.1"), ("repaired", "web.1")]
    (drifted,) = [a for a in acts if a.verb == "drifted"]
    assert drifted.because == "was killed by an outsider (signal 9)"


def killed(plane: Plane, order: SetOrder) -> None:
    (inner,) = plane.pids().values()
    os.kill(inner, signal.SIGKILL)
    plane.when(order, lambda f: f.instances == ())


def test_a_frozen_set_is_left_as_it_is_whoever_dies_until_it_is_ordered_anew(
    on_clock: Plane,
) -> None:
    plane = on_clock
    order = replace(plane.order("shop", programs.WEB), upkeep=Upkeep("freeze"))
    plane.apply(replace(order, upkeep=None))
    plane.ready(order)
    plane.apply(order)
    killed(plane, order)
    plane.signal_supervisor(signal.SIGKILL)
    facts = plane.when(order, lambda f: f.upkeep == order.upkeep)
    assert facts.instances == ()
    assert facts.lost == 1
    plane.move_clock(passed_s=3600)
    plane.tell(control.Demand(order.key, 1))
    assert plane.when(order, lambda f: f.waiting == 1).instances == ()
    plane.apply(replace(order, upkeep=None))
    plane.ready(order)
    acts = plane.run(lambda driver: driver.acts(0))
    assert [a.verb for a in acts if a.verb in ("start", "drifted")] == ["start", "drifted", "start"]


def test_where_drift_is_only_reported_what_an_outsider_ended_stays_away_until_a_new_generation(
    plane: Plane,
) -> None:
    order = replace(plane.order("shop", programs.WEB), upkeep=Upkeep("report"))
    plane.apply(order)
    plane.ready(order)
    killed(plane, order)
    plane.signal_supervisor(signal.SIGTERM)
    assert plane.when(order, lambda f: f.lost == 1).instances == ()
    plane.apply(replace(order, fence=Fence(order.fence.incarnation, order.fence.generation + 1)))
    plane.ready(order)
