"""How long what functions are forked from lives, and what happens when it cannot fork."""

import os
import shutil
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.zygotes import AGE_S_MAX
from setpoint.model.ids import Digest
from setpoint.model.process import SetOrder
from tests.integration.supervisor.functions import (
    ask,
    asleep,
    forks,
    groups,
    lines,
    on_layer,
    proven,
    with_main,
    with_spec,
    zygotes,
)
from tests.integration.supervisor.plane import Plane, new_plane
from tests.support.building import Yard, function
from tests.support.waiting import until

HEAVY = """
import random
import numpy
import pydantic
import requests

GENERATOR = numpy.random.default_rng

class Asked(pydantic.BaseModel):
    count: int

async def function(event, context):
    asked = Asked.model_validate(event.data)
    return {
        "numpy": numpy.random.random(asked.count).tolist(),
        "generator": GENERATOR().random(asked.count).tolist(),
        "python": [random.random() for _ in range(asked.count)],
        "product": int((numpy.ones((200, 200)) @ numpy.ones((200, 200))).sum()),
        "agent": requests.Session().headers["User-Agent"],
    }
"""


def evictions(plane: Plane) -> dict[str, int]:
    return plane.run(lambda driver: driver.figures()).evictions


def test_a_fork_that_fails_is_a_start_of_its_own_and_says_why(
    plane: Plane, order: SetOrder
) -> None:
    proven(plane, order)
    limits = [Path(g) / "pids.max" for g in groups(plane, "zygote")]
    for limit in filter(Path.exists, limits):
        limit.write_text("1")
    assert ask(plane, order)["cwd"] == "/app/f"  # by the one that was forked ahead
    plane.when(order, asleep)
    assert ask(plane, order)["cwd"] == "/app/f"
    plane.says("shop", ": Resource temporarily unavailable")
    assert any(
        text.startswith("Started as a process of its own: cannot fork") for text in lines(plane)
    )
    assert forks(plane) == 1


def test_one_that_waits_for_an_order_and_is_killed_is_replaced(
    plane: Plane, order: SetOrder
) -> None:
    proven(plane, order)
    tasks = Path(groups(plane, "zygote")[0]) / "cgroup.procs"
    ahead = until(lambda: tasks.read_text().split()[3:], what="one is forked ahead")
    os.kill(int(ahead[0]), signal.SIGKILL)
    until(lambda: tasks.read_text().split()[3:] not in ([], ahead), what="another is forked ahead")
    assert ask(plane, order)["cwd"] == "/app/f"
    assert forks(plane) == 1


def test_the_next_supervisor_forks_its_first_start(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    plane.signal_supervisor(signal.SIGKILL)
    until(lambda: len(zygotes(plane)) == 2, what="there is one again before anybody calls")
    assert not plane.facts(order).instances
    ask(plane, order)
    assert forks(plane) == 1


def test_what_was_imported_is_forgotten_with_its_code(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    (kept,) = plane.paths.imports.iterdir()
    assert plane.paths.imports.stat().st_mode & 0o077 == 0
    assert "uvloop" in kept.read_text()
    plane.remove(order)
    plane.gone(order)
    assert list(plane.paths.imports.iterdir()) == []


@pytest.fixture
def small(python: str) -> Iterator[Plane]:
    """Of its memory less may be taken by what is forked from than one such process has."""
    made = new_plane(python, "--memory", "64")
    try:
        made.up()
        yield made
    finally:
        made.clear()


class TestWithLittleMemory:
    @pytest.fixture
    def plane(self, small: Plane) -> Plane:
        return small

    def test_the_one_not_used_longest_goes(self, plane: Plane, order: SetOrder) -> None:
        first = proven(plane, order)
        key = replace(first.key, app=plane.app("other"))
        second = replace(first, key=key, app_name="other")
        plane.apply(second)
        until(lambda: len(zygotes(plane)) == 2, what="the other app has one")
        until(lambda: evictions(plane) == {"memory": 1}, what="the first one is gone")
        plane.when(first, asleep)
        plane.when(second, asleep)
        ask(plane, second)
        ask(plane, first)
        assert forks(plane) == 0
        assert any(line.text.startswith("Started by a fork") for line in plane.log("other"))
        until(lambda: evictions(plane) == {"memory": 2}, what="now the first app has one again")


class TestAfterTwelveHours:
    @pytest.fixture
    def plane(self, on_clock: Plane) -> Plane:
        return on_clock

    def test_another_takes_its_place(self, plane: Plane, order: SetOrder) -> None:
        proven(plane, order)
        plane.move_clock(passed_s=AGE_S_MAX - 60)
        plane.facts(order)
        assert evictions(plane) == {}
        plane.move_clock(passed_s=61)
        plane.facts(order)
        until(lambda: evictions(plane) == {"age": 1}, what="it is too old")
        until(lambda: len(zygotes(plane)) == 2, what="there is another")
        plane.when(order, asleep)
        ask(plane, order)
        assert forks(plane) == 1


@pytest.fixture(scope="session")
def heavy(uv_cache: Path, tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    if shutil.disk_usage(uv_cache).free < 2 << 30:
        pytest.skip("less than 2 GiB of disk are free")
    yard = Yard(tmp_path_factory.mktemp("heavy"), uv_cache, python)
    files = {**function(main=HEAVY), "requirements.txt": "numpy\nrequests\npydantic\n"}
    return yard.deps(yard.build(files), "hello")


def test_numpy_requests_and_pydantic_work_in_forks_and_draw_anew_in_each(
    plane: Plane,
    order: SetOrder,
    heavy: Path,
) -> None:
    layer = Digest(sha256(b"heavy").hexdigest())
    on_layer(plane, heavy, layer)
    order = proven(plane, with_spec(order, code=with_main(plane, HEAVY), layer=layer))
    seen = []
    for _ in range(3):
        seen.append(ask(plane, order, count=3))
        plane.when(order, asleep)
    assert forks(plane) == 3, lines(plane)
    for source in ("numpy", "generator", "python"):
        drawn = [number for answer in seen for number in answer[source]]
        assert len(set(drawn)) == 9, source
    assert {answer["product"] for answer in seen} == {200**3}
    assert all("python-requests/" in answer["agent"] for answer in seen)
