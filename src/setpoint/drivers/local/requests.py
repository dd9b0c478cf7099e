"""One request to the supervisor, answered: which part of it does what."""

import asyncio
from collections.abc import Callable

from setpoint.drivers.local.actlog import ActLog
from setpoint.drivers.local.builds import Builds
from setpoint.drivers.local.collecting import Collecting
from setpoint.drivers.local.control import answering
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.inspections import Inspections
from setpoint.drivers.local.jobs import Jobs
from setpoint.drivers.local.logs import Logs
from setpoint.drivers.local.scales import Scales
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.tally import Tally
from setpoint.drivers.local.vetting import (
    vet_app,
    vet_build,
    vet_clearance,
    vet_environment,
    vet_job,
    vet_job_id,
    vet_key,
    vet_order,
)
from setpoint.formats import control
from setpoint.formats.control import Done, Probed, Reply, Request
from setpoint.model.capability import Capabilities
from setpoint.model.errors import Terminal
from setpoint.model.ids import AppId
from setpoint.model.observed import Seen

APPEND_LINES_MAX = 10_000


class Requests:
    def __init__(
        self,
        supervisor: Supervisor,
        jobs: Jobs,
        builds: Builds,
        logs: Logs,
        acts: ActLog,
        ground: Ground,
        offers: Callable[[], Capabilities],
        collecting: Collecting,
        tally: Tally,
        inspections: Inspections,
        scales: Scales,
    ) -> None:
        self._supervisor = supervisor
        self._jobs = jobs
        self._builds = builds
        self._logs = logs
        self._acts = acts
        self._ground = ground
        self._offers = offers
        self._collecting = collecting
        self._tally = tally
        self._inspections = inspections
        self._scales = scales

    async def answer(self, request: Request) -> Reply:
        return await answering(lambda: self._serve(request))

    async def _serve(self, request: Request) -> Reply:
        match request:
            case control.Probe():
                return Probed(self._offers())
            case control.Observe(apps):
                seen = Seen(
                    self._supervisor.facts(),
                    self._builds.all(),
                    self._jobs.facts(),
                    self._inspections.altered(),
                ).of(apps)
                return control.Snapshot(seen.sets, seen.builds, seen.jobs, seen.altered)
            case control.ReadActs(after):
                return control.ActLog(self._acts.after(after))
            case control.ReadLogs(app, lines, only=only):
                vet_app(app)
                return control.Logs(self._logs.tail(app, lines, only))
            case control.ReadFigures(weigh):
                weights = self._scales.weigh(weigh)
                figures = self._tally.figures(self._supervisor.facts(), weights)
                return control.Counted(figures)
            case control.TakeStock():
                return control.Stocked(await self._collecting.stock())
            case control.ClearAway(clearance):
                vet_clearance(clearance)
                return control.ClearedAway(await self._collecting.clear(clearance))
            case control.StopAll():
                await asyncio.gather(self._supervisor.stop_all(), self._jobs.stop_all())
                self._clear()
            case _:
                self._do(request)
        return Done()

    def _do(self, request: Request) -> None:
        match request:
            case control.ApplySet(order, environment):
                vet_order(order, environment)
                self._ground.ways_out.ordered(order.key.app, order.fence, order.egress)
                self._supervisor.apply(order, environment)
            case control.RemoveSet(key, fence):
                vet_key(key)
                self._supervisor.remove(key, fence)
            case control.Demand(key, waiting):
                self._supervisor.demand(key, waiting)
            case control.Activity(key, in_flight, last_used_s):
                self._supervisor.activity(key, in_flight, last_used_s)
            case control.Drained(instance):
                self._supervisor.drained(instance)
            case control.RunBuild(asked, archive, environment, packs):
                vet_build(asked)
                vet_environment(environment, "build")
                self._builds.run(asked, archive, environment, packs)
            case control.ExecJob(job, environment):
                vet_job(job, environment)
                self._ground.ways_out.ordered(job.app, job.fence, job.egress)
                self._jobs.exec(job, environment)
            case control.EndJob(app, id):
                vet_app(app)
                vet_job_id(id)
                self._jobs.end(app, id)
            case control.AppendLog(app, lines):
                vet_app(app)
                self._logs.append(app, lines[:APPEND_LINES_MAX])
            case control.DropApp(app):
                vet_app(app)
                self._drop(app)
            case _:
                raise Terminal(f"cannot do {type(request).__name__}: it is not the supervisor's")

    def _clear(self) -> None:
        """Nothing runs any more: namespaces and cgroups go, too."""
        confinement = self._ground.confinement
        self._ground.ways_out.drop_all()
        if confinement.cgroups is not None:
            confinement.cgroups.remove_all()

    def _drop(self, app: AppId) -> None:
        self._supervisor.check_unused(app)
        self._jobs.check_unused(app)
        self._ground.ways_out.drop(app)
        self._builds.drop(app)
        self._logs.drop(app)
        self._ground.lasting.forget(app)
        self._tally.drop(app)
