"""Functions are forked from a process of their app that has their packages loaded, or not."""

import contextlib
import http.client
import json
import signal

import pytest
from msgspec.structs import replace

from setpoint.model.figures import ProcessFigures
from setpoint.model.ids import Digest
from setpoint.model.process import SetOrder
from tests.integration.supervisor.functions import (
    MAIN,
    RETURNS,
    ask,
    asleep,
    forks,
    groups,
    lasting,
    lines,
    proven,
    with_main,
    with_spec,
    zygotes,
)
from tests.integration.supervisor.plane import Plane
from tests.support.building import function
from tests.support.waiting import until


def package(plane: Plane, order: SetOrder, name: str, text: str) -> None:
    """One more module in the layer, by its path."""
    assert order.spec.layer is not None
    layer = plane.paths.layers / "deps" / order.spec.layer
    (site,) = layer.glob("lib/python*/site-packages")
    file = site / f"{name}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def named(order: SetOrder, process: str) -> SetOrder:
    """The same function once more, by another name."""
    order = with_spec(order, process=process)
    return replace(order, key=replace(order.key, process=process))


def fresh(plane: Plane) -> int:
    """How many were not forked, by figures that count each that got ready."""
    figures = plane.run(lambda driver: driver.figures())
    return sum(sum(of.starts["fresh"].counts) for of in figures.processes if "fresh" in of.starts)


def identity(plane: Plane) -> dict:
    (record,) = plane.paths.instances.glob("*.json")
    return json.loads(record.read_text())["identity"]


def test_the_second_start_is_a_fork(plane: Plane, order: SetOrder) -> None:
    proven(plane, order, GREETING="secret-value")
    seen = ask(plane, order)
    assert forks(plane) == 1
    assert seen["env"]["GREETING"] == "secret-value"
    assert seen["env"]["DYNO"] == "hello.1"
    assert seen["cwd"] == "/app/f"


def test_of_many_in_one_project_one_starts_the_long_way(plane: Plane, order: SetOrder) -> None:
    """The others, for which nobody waits yet, are forked from what that one tells."""
    many = [named(order, f"hello{n}") for n in range(20)]
    for each in many:
        plane.apply(lasting(each))
    for each in many:
        plane.ready(each)
    assert (forks(plane), fresh(plane)) == (19, 1)


def test_where_the_first_of_many_fails_the_others_start_by_themselves(
    plane: Plane, order: SetOrder
) -> None:
    plane.apply(named(with_spec(order, folder="nowhere"), "broken"))
    many = [named(order, f"hello{n}") for n in range(2)]
    for each in many:
        plane.apply(lasting(each))
    for each in many:
        plane.ready(each)


def test_starts_are_counted_by_kind_and_calls_with_what_they_took(
    plane: Plane, order: SetOrder
) -> None:
    proven(plane, order)
    ask(plane, order)

    def counted() -> ProcessFigures | None:
        figures = plane.run(lambda driver: driver.figures())
        return next((of for of in figures.processes if of.answers), None)

    of = until(counted, what="the function has told what it served")
    assert (of.app, of.process) == (plane.app("shop"), "hello")
    assert {kind: sum(took.counts) for kind, took in of.starts.items()} == {"fresh": 1, "fork": 1}
    assert of.starts["fork"].sum_s < of.starts["fresh"].sum_s
    assert (of.answers, sum(of.run.counts), sum(of.queue.counts)) == ({"2": 1}, 1, 0)
    assert of.memory_bytes_peak > 10 << 20
    assert any(" start=fork " in line for line in lines(plane))


def test_a_zygote_holds_no_config_value(plane: Plane, order: SetOrder) -> None:
    proven(plane, order, GREETING="secret-value")
    seen = ask(plane, order)["parent"]
    assert "HOME=/app" in seen
    assert "secret-value" not in seen


def test_a_fork_has_the_walls_of_a_start_of_its_own(plane: Plane, order: SetOrder) -> None:
    plane.apply(lasting(order))
    plane.ready(order)
    fresh = ask(plane, order)
    plane.apply(order)
    until(lambda: zygotes(plane), what="a zygote is ready")
    plane.when(order, asleep)
    forked = ask(plane, order)
    assert forks(plane) == 1
    assert forked["walls"] == fresh["walls"]
    assert forked["env"].keys() - {"TMPDIR"} == fresh["env"].keys()


def test_no_two_forks_draw_the_same_numbers(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    seen = []
    for _ in range(3):
        seen += ask(plane, order)["random"]
        plane.when(order, asleep)
    assert forks(plane) == 3
    assert len(set(seen)) == 6


def test_nor_do_they_from_numpys_generator(plane: Plane, order: SetOrder) -> None:
    """A stand-in with numpy's names: the real one is 60 MB, and is told the same."""
    package(plane, order, "numpy/__init__", "from . import random\n")
    seeded = (
        "import os\nstate = ''\ndef seed():\n    global state\n    state = os.urandom(8).hex()\n"
    )
    package(plane, order, "numpy/random", f"{seeded}seed()\n")
    main = "import numpy.random\n" + RETURNS.format("numpy.random.state")
    order = proven(plane, with_spec(order, code=with_main(plane, main)))
    seen = []
    for _ in range(2):
        seen.append(ask(plane, order)["seen"])
        plane.when(order, asleep)
    assert forks(plane) == 2
    assert len(set(seen)) == 2


def test_another_config_is_forked_from_the_same_zygote(plane: Plane, order: SetOrder) -> None:
    proven(plane, order, GREETING="one")
    other = with_spec(order, environment=Digest("1" * 64))
    plane.apply(other, GREETING="two")
    plane.when(other, asleep)
    assert ask(plane, other)["env"]["GREETING"] == "two"
    assert (forks(plane), len(zygotes(plane))) == (2, 1)


def test_how_a_fork_ended_is_known(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    with pytest.raises(http.client.HTTPException):
        ask(plane, order, do="exit")
    facts = plane.when(order, lambda f: f.last_exit is not None and f.last_exit.code == 9)
    assert facts.crashes == 1
    assert forks(plane) >= 1


def test_what_a_fork_leaves_behind_ends_with_it(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    with pytest.raises(http.client.HTTPException):
        ask(plane, order, do="leave")
    plane.when(order, lambda f: f.last_exit is not None and f.last_exit.code == 9)
    plane.when(order, asleep)
    until(lambda: groups(plane, "hello") == [], what="its control group is gone")


def test_a_fork_that_needs_too_much_memory_ends_alone(plane: Plane, order: SetOrder) -> None:
    order = replace(order, spec=replace(order.spec, memory_bytes_max=96 << 20))
    proven(plane, order)
    with pytest.raises(AssertionError, match="Out of memory"):
        ask(plane, order, do="eat")
    plane.says("shop", "(Memory quota vastly exceeded) -> Out of memory: it needed more than 96M")
    assert ask(plane, order)["cwd"] == "/app/f"
    assert (forks(plane), len(zygotes(plane))) == (2, 1)


def test_a_killed_zygote_takes_no_instance_along(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    plane.apply(lasting(order))
    before = ask(plane, order)
    (instance,) = plane.ready(order)
    with contextlib.suppress(OSError):
        ask(plane, order, do="kill the zygote")
    assert ask(plane, order)["env"] == before["env"]
    assert plane.facts(order).ready == (instance,)
    plane.apply(order)
    plane.when(order, asleep)
    ask(plane, order)
    assert forks(plane) == 1
    until(lambda: len(zygotes(plane)) == 2, what="there is another zygote")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_fork_outlives_its_supervisor(plane: Plane, order: SetOrder, how: signal.Signals) -> None:
    proven(plane, order)
    plane.apply(lasting(order))
    ask(plane, order)
    ready, before = plane.ready(order), identity(plane)
    plane.signal_supervisor(how)
    assert plane.facts(order).ready == ready
    assert identity(plane) == before
    with pytest.raises(http.client.HTTPException):
        ask(plane, order, do="exit")
    plane.when(order, lambda f: f.last_exit is not None and f.last_exit.code == 9)
    ask(plane, order)
    until(lambda: len(zygotes(plane)) == 2, what="another zygote is ready")


def test_what_runs_is_found_without_its_record(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    plane.apply(lasting(order))
    ask(plane, order)
    until(lambda: identity(plane), 30, "it is recorded, which may be after its first answer")
    before = identity(plane)
    plane.kill()
    for record in plane.paths.instances.glob("*.json"):
        record.unlink()
    plane.up()
    assert identity(plane) == before


def test_a_config_value_read_at_import_is_read(plane: Plane, order: SetOrder) -> None:
    package(plane, order, "early", "import os\nSEEN = os.environ.get('GREETING')\n")
    code = with_main(plane, "import early\n" + RETURNS.format("early.SEEN"))
    order = proven(plane, with_spec(order, code=code), GREETING="hello")
    assert ask(plane, order)["seen"] == "hello"
    plane.says("shop", "of its own: what it imports looks at GREETING as it is imported")
    assert forks(plane) == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import threading, time\n"
         "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
         "importing early starts a thread"),
        ("import subprocess\nsubprocess.Popen(['sleep', '600'])\n", "starts processes"),
        ("HELD = open('/etc/passwd')\n", "leaves files open"),
        ("import os\nALL = dict(os.environ)\n", "looks at every variable"),
    ],
    ids=["a thread", "a process", "a file", "all variables"],
)  # fmt: skip
def test_what_no_fork_can_share_is_started_fresh(
    plane: Plane, order: SetOrder, text: str, why: str
) -> None:
    package(plane, order, "early", text)
    code = with_main(plane, "import early\n" + RETURNS.format("True"))
    order = proven(plane, with_spec(order, code=code))
    assert ask(plane, order)["seen"] is True
    plane.says("shop", why)
    assert forks(plane) == 0


def test_a_project_may_object(plane: Plane, order: SetOrder) -> None:
    code = with_main(plane, MAIN, "\n[setpoint]\nfork-safe = false\n")
    order = with_spec(order, code=code)
    plane.apply(order)
    plane.when(order, asleep)
    ask(plane, order)
    plane.says("shop", "of its own: its project.toml says fork-safe = false")
    assert forks(plane) == 0


def test_a_module_of_the_projects_own_comes_before_a_package(plane: Plane, order: SetOrder) -> None:
    package(plane, order, "shared", "WHOSE = 'package'\n")
    main = "import shared\n" + RETURNS.format("shared.WHOSE")
    order = proven(plane, with_spec(order, code=with_main(plane, main)))
    files = {f"f/{name}": text for name, text in function(main=main).items()}
    files |= {f"g/{name}": text for name, text in function(main=main).items()}
    files["g/shared.py"] = "WHOSE = 'project'\n"
    code = plane.code(files)
    first, second = with_spec(order, code=code), with_spec(order, code=code, folder="g")
    second = replace(second, key=replace(second.key, process="other"))
    second = replace(second, spec=replace(second.spec, process="other"))
    plane.apply(first)
    until(lambda: len(zygotes(plane)) == 2, what="the new code has a zygote")
    plane.apply(second)
    plane.when(second, asleep)
    assert ask(plane, second)["seen"] == "project"
    plane.says("shop", "its own shared would come too late")
    assert ask(plane, first)["seen"] == "package"


def test_going_down_leaves_nothing_of_them(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    assert groups(plane, "zygote")
    plane.stop_apps()
    assert groups(plane, "zygote") == []
    assert not list(plane.paths.instances.iterdir())


def test_what_is_not_wanted_any_more_has_no_zygote(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    plane.remove(order)
    plane.gone(order)
    until(lambda: groups(plane, "zygote") == [], what="the zygote is gone")
