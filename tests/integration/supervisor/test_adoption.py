"""Instances outlive their supervisor, and the next one takes them over as they are."""

import json
import os
import shutil
import signal
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts
from setpoint.drivers.local.adoption import AT_ONCE
from setpoint.drivers.local.files import DiskFolder
from setpoint.drivers.local.orders import Orders
from setpoint.model.ids import Digest
from setpoint.model.process import Bounds
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, get
from tests.support.waiting import until

CGROUPS = Path("/sys/fs/cgroup")


def require_links(plane: Plane) -> None:
    level = plane.probe().level
    if level != "L3":
        pytest.skip(f"needs L3, this is {level}: relays listen in the runtime directory")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_instances_go_on_and_are_adopted(plane: Plane, how: signal.Signals) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    pids, (_, before) = plane.pids(), get(web)
    plane.signal_supervisor(how)
    assert plane.facts(order).ready == (web,)
    assert plane.pids() == pids
    assert get(web)[1] == before


def test_no_request_fails_while_the_supervisor_is_replaced(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    stop, statuses = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            statuses.append(get(web)[0])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(3):
            plane.signal_supervisor(signal.SIGKILL)
    finally:
        stop.set()
        asking.join()
    assert set(statuses) == {200}


def test_an_end_that_nobody_saw_is_noticed_and_healed(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    supervisor = plane.supervisor_pid
    os.kill(supervisor, signal.SIGSTOP)
    (inner,) = plane.pids().values()
    os.kill(inner, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{inner}/root"), what="it has ended")
    plane.signal_supervisor(signal.SIGKILL)
    facts = plane.when(order, lambda f: f.ready and f.ready[0].id != web.id)
    assert facts.crashes == 1
    assert facts.last_exit is not None
    assert facts.last_exit.code == 137


def test_a_start_under_way_is_adopted_and_gets_ready(plane: Plane) -> None:
    slow = "import time\ntime.sleep(1.5)\n" + programs.WEB
    order = plane.order("shop", slow)
    plane.apply(order)
    plane.when(order, lambda f: f.instances)
    until(plane.pids, what="it runs")
    pids = plane.pids()
    plane.signal_supervisor(signal.SIGKILL)
    plane.ready(order)
    assert plane.pids() == pids


def test_the_log_has_no_gap(plane: Plane) -> None:
    order = plane.order("shop", programs.TICKS, process="clock", kind="worker")
    plane.apply(order)
    plane.says("shop", "tick 5")
    plane.signal_supervisor(signal.SIGKILL)
    (_, last) = (line.text for line in plane.log("shop")[-2:])
    plane.says("shop", f"tick {int(last.split()[1]) + 20}")
    ticks = [
        int(line.text.split()[1]) for line in plane.log("shop") if line.text.startswith("tick ")
    ]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))


def test_crashes_are_remembered(plane: Plane) -> None:
    order = plane.order("shop", programs.CRASHES, attempts_max=2)
    plane.apply(order)
    before = plane.when(order, lambda facts: facts.gave_up)
    plane.signal_supervisor(signal.SIGKILL)
    assert plane.facts(order) == before


def test_what_was_stopping_goes_on_stopping(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    plane.remove(order)
    plane.signal_supervisor(signal.SIGKILL)
    plane.gone(order)


def test_fences_hold_after_a_restart(plane: Plane) -> None:
    newer = plane.order("shop", programs.WEB, generation=7)
    plane.apply(newer)
    plane.ready(newer)
    plane.signal_supervisor(signal.SIGKILL)
    with pytest.raises(Exception, match="stale"):
        plane.apply(plane.order("shop", programs.WEB, generation=6))


def test_twenty_instances_are_adopted_together(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB, bounds=Bounds(20, 20))
    plane.apply(order)
    webs = plane.ready(order, 20)
    pids = plane.pids()
    plane.signal_supervisor(signal.SIGKILL)
    assert set(plane.facts(order).ready) == set(webs)
    assert plane.pids() == pids


def test_each_of_many_orders_is_looked_at(plane: Plane) -> None:
    """They are looked at some at a time: here what the last supervisor did not get to forget."""
    order = plane.order("shop", "", kind="worker", bounds=Bounds(0, 0))
    plane.down()
    orders = Orders(DiskFolder(plane.paths.orders), Clock())
    for n in range(2 * AT_ONCE + 50):
        key = replace(order.key, spec_hash=Digest(sha256(str(n).encode()).hexdigest()))
        ended = replace(order, key=key)
        orders.keep(ended, {})
        orders.mark(replace(facts.ordered(None, ended, None), retiring=True))
    plane.up()
    until(lambda: not plane.run(lambda driver: driver.observe()).sets, what="all are forgotten")
    assert list(plane.paths.orders.glob("*.order")) == []


def test_a_wiped_runtime_directory_loses_no_instance(plane: Plane) -> None:
    require_links(plane)
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    pids, (_, before) = plane.pids(), get(web)
    plane.kill()
    shutil.rmtree(plane.paths.runtime, ignore_errors=True)
    plane.up()
    (found,) = plane.ready(order)
    assert (found.id, found.endpoint) == (web.id, web.endpoint)
    assert plane.pids() == pids
    assert get(found)[1] == before
    plane.says("shop", "asked /")
    plane.apply(order)
    assert plane.ready(order) == (found,)


def test_what_was_found_can_be_removed_without_its_order(plane: Plane) -> None:
    require_links(plane)
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    plane.kill()
    shutil.rmtree(plane.paths.runtime, ignore_errors=True)
    plane.up()
    plane.ready(order)
    plane.remove(order)
    plane.gone(order)
    assert plane.pids() == {}


def test_what_nobody_can_reach_any_more_is_replaced(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    if web.endpoint is None or web.endpoint.kind != "relay":
        pytest.skip("needs a relay: apps are reached by a link here")
    plane.kill()
    os.unlink(web.endpoint.address)
    plane.up()
    facts = plane.when(order, lambda f: f.ready and f.ready[0].id != web.id)
    assert get(facts.ready[0])[0] == 200


def test_going_down_with_the_apps_keeps_their_orders(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    plane.stop_apps()
    assert plane.pids() == {}
    plane.down()
    plane.up()
    (again,) = plane.ready(order)
    assert again.id != web.id


def test_what_was_killed_in_the_middle_of_a_start_or_a_trial_leaves_no_control_group(
    plane: Plane,
) -> None:
    if not plane.probe().limits:
        pytest.skip("no control groups here")
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    (record,) = plane.paths.instances.glob("*.json")
    begun = record.with_name(record.name.replace(".1.", ".9.", 1))
    begun.write_text(json.dumps({**json.loads(record.read_text()), "identity": None}))
    roots = [group.parent for group in control_groups(plane) if group.name == record.stem]
    assert roots
    for root in roots:
        (root / begun.stem).mkdir()
        (root / "probe4194303@probe").mkdir()
    plane.signal_supervisor(signal.SIGKILL)
    assert {group.name for group in control_groups(plane)} == {record.stem}
    assert not begun.exists()


def control_groups(plane: Plane) -> list[Path]:
    """Of instances, in every controller. Those of others come and go meanwhile."""
    name = f"setpoint-{plane.paths.installation}"
    roots = [Path(folder) for folder, _, _ in os.walk(CGROUPS) if Path(folder).name == name]
    return [group for root in roots for group in root.iterdir() if group.is_dir()]


def test_what_a_killed_supervisor_had_only_begun_to_write_is_cleared_away(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    folder = plane.paths.instances
    before = {path.name for path in folder.iterdir()}
    begun = f"{order.key.app}@web.0123456789.2.abcdef.10999"
    for name in (f".{begun}.json.new", f"{begun}.out", f"{begun}.status"):
        (folder / name).write_bytes(b"{")
    plane.signal_supervisor(signal.SIGKILL)
    assert plane.facts(order).ready == (web,)
    assert {path.name for path in folder.iterdir()} == before
