"""The suite runs at the level this user reaches; `test_levels` runs it again at the lower ones."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Confinement, Forker
from tests.integration.sandbox.box import Ground, world_readable_folder

EXPECTED_LEVEL = "SETPOINT_TEST_LEVEL"


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A folder every user of the machine can reach."""
    folder = world_readable_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def confinement(home: Path) -> Iterator[Confinement]:
    found = sandbox.probe(home / "tools", f"test{os.getpid()}")
    expected = os.environ.get(EXPECTED_LEVEL, found.level)
    assert found.level == expected, found.words
    forker = Forker(found.tools.forker, home / "run")
    yield replace(found, forker=forker)
    forker.close()
    sandbox.drop_all(found, home / "run")
    if found.cgroups is not None:
        assert not any(root.exists() for root in found.cgroups.roots.values())


@pytest.fixture
def ground(confinement: Confinement) -> Iterator[Ground]:
    made = Ground(confinement, world_readable_folder())
    yield made
    made.close()
    shutil.rmtree(made.folder)


@pytest.fixture
def hidden(confinement: Confinement) -> None:
    if not confinement.hides:
        pytest.skip(f"needs namespaces: {confinement.words}")


@pytest.fixture
def root(confinement: Confinement) -> None:
    if confinement.level != "L3":
        pytest.skip(f"needs level L3: {confinement.words}")


@pytest.fixture
def limited(confinement: Confinement) -> None:
    if not confinement.limits:
        pytest.skip(f"needs cgroups: {confinement.words}")
