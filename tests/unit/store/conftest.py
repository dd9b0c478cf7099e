"""Every test of the store runs on both ways to run it: threads and a file, inline and memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from setpoint.store.sqlite import SqliteStore, open_in_memory, open_store

Open = Callable[[], SqliteStore]


@pytest.fixture(params=["file", "memory"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the store; to be called, and closed, inside the event loop."""
    if request.param == "memory":
        return open_in_memory
    return lambda: open_store(tmp_path / "store.db", tmp_path / "key")
