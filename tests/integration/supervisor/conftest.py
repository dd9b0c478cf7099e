import os
from collections.abc import Iterator

import pytest

from setpoint.drivers.builders.stack import candidates, find_python
from tests.integration.supervisor.plane import Plane, clocked_plane, new_plane


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
