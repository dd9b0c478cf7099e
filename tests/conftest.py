"""Each test has a HOME and XDG folders of its own, so that none touches the user's.

`make test` runs them in several processes, each with planes and user ids of its own. The tests of
one file stay together, in their order, and so do those that tell together what clients used.
"""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from setpoint.drivers.local import uids
from tests.support.used import MODULES

ISOLATED = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
KEPT = "SETPOINT_UID_BASE"
"""Lets two runs share a machine: each then has user ids of its own for its apps."""
UIDS = 3500
"""More than the tests of one process take."""


class ByFile(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "clients" if Path(file).stem in (*MODULES, "test_heroku_used") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_configure() -> None:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.environ[KEPT] = str(uids.base() + number * UIDS)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """A shell starts what is in its background deaf to it, and that is inherited by all below."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_home() -> Iterator[Path]:
    before = {name: os.environ.get(name) for name in ISOLATED}
    with tempfile.TemporaryDirectory(prefix="setpoint-home-") as home:
        os.environ["HOME"] = home
        for name in ISOLATED[1:]:
            os.environ.pop(name, None)
        for name in [n for n in os.environ if n.startswith("SETPOINT_") and n != KEPT]:
            del os.environ[name]
        yield Path(home)
    for name, value in before.items():
        if value is not None:
            os.environ[name] = value
