import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.builders.stack import candidates, find_python
from setpoint.model.ids import Digest
from setpoint.model.process import Bounds, SetOrder
from tests.integration.supervisor.functions import MAIN, on_layer, with_main
from tests.integration.supervisor.plane import Plane, clocked_plane, new_plane
from tests.support.building import Yard, function


@pytest.fixture(scope="session")
def python() -> str:
    return find_python(candidates(os.environ), shared=os.geteuid() == 0)


@pytest.fixture
def plane(python: str) -> Iterator[Plane]:
    made = new_plane(python)
    try:
        made.up()
        yield made
    finally:
        made.clear()


@pytest.fixture
def on_clock(python: str) -> Iterator[Plane]:
    """Its clock can be moved."""
    made = clocked_plane(python)
    try:
        made.up()
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="session")
def built(uv_cache: Path, tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    yard = Yard(tmp_path_factory.mktemp("layer"), uv_cache, python)
    return yard.deps(yard.build(function()), "hello")


@pytest.fixture
def order(plane: Plane, built: Path) -> SetOrder:
    """A function on the official runtime, which sleeps as soon as it can."""
    if plane.probe().level != "L3":
        pytest.skip("needs control groups of its own: nothing is forked without")
    layer = Digest(sha256(b"layer").hexdigest())
    on_layer(plane, built, layer)
    order = plane.order("shop", "", process="hello", kind="function", bounds=Bounds(0, 2, 0.2))
    code = with_main(plane, MAIN)
    return replace(order, spec=replace(order.spec, layer=layer, code=code, folder="f"))
