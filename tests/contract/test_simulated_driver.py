"""The simulated supervisor and edge keep the drivers' contract."""

import asyncio
import random

import pytest

from setpoint.model.ids import BuildId, JobId, SetKey
from setpoint.model.job import JobOrder
from setpoint.model.process import Bounds, SetOrder
from setpoint.model.release import BuildRequest
from setpoint.testing import builders
from setpoint.testing.edge import SimEdge
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import FOR_EVER_S, PROGRAMS
from setpoint.testing.supervisor import CAPABILITIES, SimSupervisor
from tests.contract.driver_suite import DriverContract, JobKind, Kind, Story

QUICK, SLOW, _, _, UNBUILDABLE, EXITS, *_ = PROGRAMS
FAILS, STAYS = PROGRAMS[10], PROGRAMS[11]
ERRS = next(p for p in PROGRAMS if p.errs_s == FOR_EVER_S)


class SimulatedStage:
    deadline_s = 120.0
    poll_s = 0.5

    def run(self, story: Story) -> None:
        run(self._play(story), random.Random(7))

    def make_order(
        self, kind: Kind, bounds: Bounds = Bounds(1, 1), generation: int = 1
    ) -> SetOrder:
        program = {
            "serves": QUICK,
            "errs": ERRS,
            "exits": EXITS,
            "lingers": SLOW,
            "works": QUICK,
        }[kind]
        process = "worker" if kind == "works" else "web"
        return builders.order(bounds, process=process, generation=generation, code=program.digest)

    def make_job(self, kind: JobKind, number: int = 1, run_s_max: float = 3600.0) -> JobOrder:
        program = {"ends": QUICK, "fails": FAILS, "stays": STAYS}[kind]
        process = "run" if kind == "ends" else "release"
        order = builders.order(process=process, code=program.digest)
        return JobOrder(
            id=JobId(f"{number:032x}"),
            app=order.key.app,
            app_name=order.app_name,
            dyno=f"run.{1000 + number}",
            spec=order.spec,
            run_s_max=run_s_max,
        )

    async def starts(self, job: JobOrder) -> int:
        return self.started.count(job.id)

    def make_build(self, good: bool) -> BuildRequest:
        program = QUICK if good else UNBUILDABLE
        id = BuildId("b" * 32)
        return BuildRequest(id, builders.APP, "shop", program.digest, CAPABILITIES.stack)

    async def kill_one(self, key: SetKey) -> None:
        slot = self.supervisor.slots[key]
        self.machine.end(next(iter(slot.instances)), 139)

    async def restart_supervisor(self) -> None:
        self.supervisor.crash()
        await asyncio.sleep(3.0)
        self.supervisor.restart()

    async def _play(self, story: Story) -> None:
        loop = asyncio.get_running_loop()
        self.machine = Machine(loop)
        self.supervisor = SimSupervisor(loop, self.machine)
        self.started: list[JobId] = []
        self.supervisor.on_job = lambda job: self.started.append(job.id)
        await story(self.supervisor, SimEdge(loop, self.supervisor))


class TestSimulatedDriver(DriverContract):
    @pytest.fixture
    def stage(self) -> SimulatedStage:
        return SimulatedStage()
