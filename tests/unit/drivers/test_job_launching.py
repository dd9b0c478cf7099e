"""A job that cannot be started, or taken over, leaves nothing open."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from setpoint.drivers.clock import Clock
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.job_launching import JobLauncher
from setpoint.drivers.local.names import JobName
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Reports
from setpoint.drivers.local.shelf import Shelf
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import RUN_S_MAX, JobOrder, JobWatch
from tests.unit.drivers.test_facts import SPEC

HEARD = cast("Reports", None)
WHO = Identity(os.getpid(), os.getpid(), 0, 0)


class OneCopy(Shelf):
    """Hands out copies of what was put there."""

    def __init__(self) -> None:
        self.there: dict[str, int] = {}

    def put(self, name: str, fd: int) -> None:
        self.there[name] = os.dup(fd)

    def take_copy(self, name: str) -> int | None:
        return os.dup(self.there[name])

    def drop(self, name: str) -> None:
        os.close(self.there.pop(name))


def job(*, tty: bool) -> JobOrder:
    app = AppId("7b1f6a52-0000-4000-8000-000000000001")
    return JobOrder(JobId("a1"), app, "shop", "run.1", SPEC, RUN_S_MAX, attached=True, tty=tty)


def launcher(folder: Path, shelf: Shelf) -> JobLauncher:
    ground: Any = SimpleNamespace(
        paths=SimpleNamespace(jobs=folder), confinement=None, uid=lambda app: None
    )
    return JobLauncher(cast("Ground", ground), lambda app: 0, shelf, Clock())


def no_room(*_: object) -> Any:
    raise OSError("no room")


def opened() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("tty", [True, False])
def test_what_cannot_be_started_leaves_nothing_open(tmp_path: Path, *, tty: bool) -> None:
    async def story() -> None:
        shelf, order = OneCopy(), job(tty=tty)
        starts = launcher(tmp_path, shelf)
        if not tty:
            starts.files(order.app, JobName(order.id, order.dyno)).output.mkdir()
        before = opened()
        with pytest.raises(OSError):
            starts.start(order, {}, JobWatch(0.0, RUN_S_MAX), HEARD, no_room)
        assert (opened(), shelf.there) == (before, {})

    asyncio.run(story())


@pytest.mark.parametrize("tty", [True, False])
def test_nor_does_what_cannot_be_taken_over(tmp_path: Path, *, tty: bool) -> None:
    async def story() -> None:
        shelf, order = OneCopy(), job(tty=tty)
        takes = launcher(tmp_path, shelf)
        if not tty:
            takes.files(order.app, JobName(order.id, order.dyno)).output.mkdir()
        shelf.there[f"job-{order.id}"] = os.open("/dev/null", os.O_RDWR)
        before = opened()
        with pytest.raises(OSError):
            takes.adopt(order, WHO, HEARD, no_room)
        assert opened() == before

    asyncio.run(story())
