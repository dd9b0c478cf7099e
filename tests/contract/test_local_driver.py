"""The local driver keeps the drivers' contract: real supervisor, sandboxes, builder and Envoy."""

import asyncio
import io
import os
import signal
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.builders.stack import candidates, find_python, stack
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.tails import LocalTails
from setpoint.model.errors import Transient
from setpoint.model.ids import BuildId, Digest, SetKey
from setpoint.model.job import JobOrder
from setpoint.model.process import Bounds, SetOrder
from setpoint.model.release import BuildRequest
from tests.contract.driver_suite import DriverContract, JobKind, Kind, Story
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, new_plane
from tests.support.waiting import until

PROGRAMS = {
    "serves": programs.WEB,
    "errs": programs.WEB.replace("send_response(200)", "send_response(500)"),
    "exits": programs.CRASHES,
    "lingers": programs.LINGERS,
    "works": programs.TICKS,
}

JOBS = {"ends": "print('done')", "fails": "raise SystemExit(1)", "stays": programs.TICKS}


@dataclass
class LocalStage:
    plane: Plane
    deadline_s: float = 45.0
    poll_s: float = 0.05

    def run(self, story: Story) -> None:
        asyncio.run(self._play(story))

    def make_order(
        self, kind: Kind, bounds: Bounds = Bounds(1, 1), generation: int = 1
    ) -> SetOrder:
        works = kind == "works"
        order = self.plane.order(
            "shop",
            PROGRAMS[kind],
            process="worker" if works else "web",
            kind="worker" if works else "web",
            bounds=bounds,
            attempts_max=3,
        )
        return replace(order, fence=replace(order.fence, generation=generation))

    def make_job(self, kind: JobKind, number: int = 1, run_s_max: float = 3600.0) -> JobOrder:
        return self.plane.job("shop", JOBS[kind], number=number, run_s_max=run_s_max)

    async def starts(self, job: JobOrder) -> int:
        tails = LocalTails(self.plane.paths.supervisor_socket, self.plane.paths.builds)
        said = [line async for line in tails.logs(job.app, 1000, follow=False)]
        return sum(line.dyno == job.dyno and line.text.startswith("Starting") for line in said)

    def make_build(self, good: bool) -> BuildRequest:
        content = _archive("web: python main.py\n" if good else "web python main.py\n")
        digest = Digest(sha256(content).hexdigest())
        path = self.plane.paths.sources / f"{digest}.tar.gz"
        path.write_bytes(content)
        path.chmod(0o644)
        path.parent.chmod(0o755)
        app = self.plane.app("shop")
        return BuildRequest(BuildId("b" * 32), app, "shop", digest, stack(self.plane.python))

    async def kill_one(self, key: SetKey) -> None:
        pids = self.plane.pids()
        os.kill(next(pid for name, pid in pids.items() if name.startswith(key.app)), signal.SIGKILL)

    async def restart_supervisor(self) -> None:
        before = self.plane.supervisor_pid
        os.kill(before, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: self.plane.supervisor_pid != before)

    async def _play(self, story: Story) -> None:
        driver = LocalDriver(self.plane.paths.supervisor_socket, self.plane.paths.sources)
        try:
            await story(driver, EdgeClient(self.plane.paths.edge_socket))
        finally:
            await driver.close()


def _archive(procfile: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("Procfile", procfile), ("main.py", programs.WEB)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


class TestLocalDriver(DriverContract):
    @pytest.fixture
    def stage(self) -> Iterator[LocalStage]:
        python = find_python(candidates(os.environ), shared=os.geteuid() == 0)
        plane = new_plane(python, "--edge")
        try:
            plane.up()
            yield LocalStage(plane)
        finally:
            plane.clear()


def test_without_a_supervisor_trouble_passes(tmp_path: Path) -> None:
    driver = LocalDriver(tmp_path / "supervisor.sock", tmp_path)

    async def ask() -> None:
        with pytest.raises(Transient, match="cannot reach the supervisor: No such file"):
            await driver.probe()

    asyncio.run(ask())
