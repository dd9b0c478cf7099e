"""Each test has a HOME and XDG folders of its own, so that none touches the user's."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ISOLATED = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
KEPT = "SETPOINT_UID_BASE"
"""Lets two runs share a machine: each then has user ids of its own for its apps."""


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
