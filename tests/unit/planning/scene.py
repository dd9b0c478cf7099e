"""One app on a stage: does what a plan says, as far as a world would at once, and no further.

Builds run until `build_ends`, instances start until `ready`, routes wait for `ack`, removed sets
stay until `gone`. No clock, no loop: only values and the planner.
"""

import msgspec

from setpoint.model.app import AppIntent, Formation, SecretRef, Source
from setpoint.model.ids import Digest, JobId
from setpoint.model.job import CronJob, Job, JobFacts
from setpoint.model.observed import Observed, Uptime
from setpoint.model.process import Exit, Phase, ProbeSeen, SetFacts, SetOrder
from setpoint.model.release import Build, ProcessType, Release, Slug
from setpoint.model.route import RouteFacts
from setpoint.model.steps import (
    CutRelease,
    EnsureProcesses,
    EnsureRoute,
    Plan,
    RemoveProcesses,
    RemoveRoute,
    SettleJob,
    SettleRelease,
    StartBuild,
    StartJob,
    Step,
    StopJob,
)
from setpoint.planning.planner import plan
from setpoint.testing import builders

WEB = ProcessType("web", "web", "serve")
WORKER = ProcessType("worker", "worker", "work")
NOW_S = 1000.0


class Scene:
    def __init__(self, document: AppIntent | None = None) -> None:
        self.unit = builders.unit(document)
        self.observed = Observed(uptime=Uptime("boot 1", "stop 1"))
        self.capabilities = builders.capabilities()
        self.forgotten = False
        self.now_s = NOW_S

    # --- what people do -------------------------------------------------------------------

    def change(self, *, shape: bool = False, **fields: object) -> None:
        """One accepted Change. `shape`: does a release copy what was changed?"""
        unit, seq = self.unit, self.unit.last_change + 1
        document = msgspec.structs.replace(unit.intent, **fields)
        self.unit = msgspec.structs.replace(
            unit,
            intent=document,
            generation=unit.generation + 1,
            last_change=seq,
            shape_change=seq if shape else unit.shape_change,
            source_change=seq if "source" in fields else unit.source_change,
        )

    def deploy(self, digest: str) -> None:
        self.change(shape=True, source=Source(Digest(digest * 64)), rollback_to=None)

    def roll_back(self, version: int) -> None:
        old = next(r for r in self.observed.releases if r.version == version)
        self.change(shape=True, source=Source(old.source), config=old.config, rollback_to=version)

    def ask(self, command: str = "tidy", release: int = 1) -> Job:
        """Somebody runs a one-off command."""
        id = JobId(f"{len(self.observed.jobs) + 1:032x}")
        job = Job(id, self.unit.id, "run", f"run.{len(self.observed.jobs) + 1}", command, release)
        self._replace(jobs=(job, *self.observed.jobs))
        return job

    def ask_to_stop(self, dyno: str) -> None:
        self._jobs(lambda j: msgspec.structs.replace(j, stop_asked=True) if j.dyno == dyno else j)

    def configure(self, version: int) -> None:
        self.change(shape=True, config={"GREETING": SecretRef("greeting", version)})

    def scale(self, process: str, low: int, high: int | None = None) -> None:
        formation = Formation(low, high if high is not None else low)
        self.change(formation={**self.unit.intent.formation, process: formation})

    # --- what the plan does ---------------------------------------------------------------

    def plan(self) -> Plan:
        return plan(self.unit, self.observed, self.capabilities, self.now_s)

    def go(self) -> Plan:
        """One pass: plan, and do the steps."""
        made = self.plan()
        for step in made.steps:
            self._do(step)
        if made.withdrawn:
            self._replace(settled_generation=0)
        elif made.settled and not made.left_undone:
            in_all = {"settled_in": self.observed.uptime}
            self._replace(settled_generation=self.unit.generation, **in_all)
        return made

    def settle(self, *, processes: tuple[ProcessType, ...] = (WEB,)) -> None:
        """Pass after pass, everything going well."""
        for _ in range(20):
            if self.go().settled:
                return
            self.build_ends(processes=processes)
            self.ready()
            self.ack()
            self.gone()
        raise AssertionError(f"not settled: {self.plan()}")

    # --- what the world does --------------------------------------------------------------

    def build_ends(
        self,
        *,
        message: str = "",
        user_error: bool = True,
        processes: tuple[ProcessType, ...] = (WEB,),
        schedule: tuple[CronJob, ...] = (),
    ) -> None:
        """Running builds succeed; with a message they fail."""
        self._replace(
            builds=tuple(
                _ended(b, message, user_error, processes, schedule) if b.status == "running" else b
                for b in self.observed.builds
            )
        )

    def ready(self, process: str | None = None) -> None:
        """What starts is ready."""
        self._sets(lambda s: _with_ready(s) if process in (None, s.key.process) else s)

    def gives_up(self, process: str = "web") -> None:
        """The set that is starting never got ready."""
        exit_ = Exit(1, NOW_S)
        self._sets(
            lambda s: (
                msgspec.structs.replace(s, instances=(), failures=3, gave_up=True, last_exit=exit_)
                if s.key.process == process and not s.ever_ready
                else s
            )
        )

    def errs(self, seen: ProbeSeen) -> None:
        """What starts listens and answers badly."""
        self._sets(lambda s: s if s.ever_ready else msgspec.structs.replace(s, last_probe=seen))

    def hangs(self, last_lines: tuple[str, ...]) -> None:
        """What starts is killed for it, and given up."""
        told = {"last_exit": Exit(137, NOW_S, timed_out=True), "last_lines": last_lines}
        self.gives_up()
        self._sets(lambda s: s if s.ever_ready else msgspec.structs.replace(s, **told))

    def hindered(self, lacks: str) -> None:
        """The machine lets nothing start."""
        told = {"instances": (), "hindered": lacks}
        self._sets(lambda s: s if s.ever_ready else msgspec.structs.replace(s, **told))

    def idle(self) -> None:
        """Nothing runs for lack of requests."""
        self._sets(lambda s: msgspec.structs.replace(s, instances=()))

    def ack(self) -> None:
        route = self.observed.route
        if route is not None:
            self._replace(route=msgspec.structs.replace(route, acked=True))

    def gone(self) -> None:
        self._replace(sets=tuple(s for s in self.observed.sets if not s.retiring))

    def reboot(self) -> None:
        self._anew(Uptime("boot 2", self.observed.uptime.stop))

    def goes_down_and_up(self) -> None:
        """`setpoint down` and `up`."""
        self._anew(Uptime(self.observed.uptime.boot, "stop 2"))

    def _anew(self, uptime: Uptime) -> None:
        self._replace(sets=(), route=None, uptime=uptime)
        self._facts(lambda f: msgspec.structs.replace(f, state="lost") if f.exit is None else f)

    def job_ends(self, code: int = 0, lines: tuple[str, ...] = (), **exit: bool) -> None:
        """Whatever runs comes to its end."""
        how = Exit(code, self.now_s, **exit)
        self._facts(
            lambda f: (
                msgspec.structs.replace(f, state="ended", exit=how, last_lines=lines)
                if f.state == "running"
                else f
            )
        )

    # --- what there is --------------------------------------------------------------------

    def sets(self, process: str = "web") -> list[SetFacts]:
        """Those meant to stay, oldest release first."""
        own = [s for s in self.observed.sets if s.key.process == process and not s.retiring]
        return sorted(own, key=lambda s: s.release)

    def routed_to(self, process: str = "web") -> int | None:
        """The release that requests for this process reach."""
        route = self.observed.route
        backends = route.route.backends if route is not None else ()
        target = next((b.target for b in backends if b.process == process), None)
        return next((s.release for s in self.observed.sets if s.key == target), None)

    def statuses(self) -> list[str]:
        """Of releases, newest first."""
        return [r.status for r in self.observed.releases]

    # --- how --------------------------------------------------------------------------------

    def _do(self, step: Step) -> None:
        match step:
            case StartBuild():
                request = step.request
                others = tuple(b for b in self.observed.builds if b.id != request.id)
                new = Build(request.id, request.app, request.source, "running", request.stack)
                self._replace(builds=(new, *others))
            case CutRelease():
                self._cut(step)
            case SettleRelease():
                self._settle(step)
            case EnsureProcesses():
                self._ensure(step.order)
            case RemoveProcesses():
                self._sets(
                    lambda s: msgspec.structs.replace(s, retiring=True) if s.key == step.key else s
                )
            case EnsureRoute():
                self._route(step)
            case RemoveRoute():
                self._replace(route=None)
            case StartJob():
                self._start(step)
            case StopJob():
                self._facts(
                    lambda f: msgspec.structs.replace(f, stopping=True) if f.id == step.id else f
                )
            case SettleJob():
                state, message = step.end.state, step.end.message
                self._jobs(
                    lambda j: (
                        msgspec.structs.replace(j, state=state, message=message)
                        if j.id == step.id
                        else j
                    )
                )
            case _:
                self.forgotten = True

    def _route(self, step: EnsureRoute) -> None:
        """A newer fence alone loses no confirmation."""
        seen, key = self.observed.route, step.invoke_key
        same = seen is not None and seen.route.same_as(step.route) and seen.invoke_key == key
        facts = msgspec.structs.replace(seen, route=step.route) if seen and same else None
        self._replace(route=facts or RouteFacts(step.route, False, "", key))

    def _cut(self, step: CutRelease) -> None:
        made: Build | Release
        if step.copies is None:
            made = next(b for b in self.observed.builds if b.id == step.build)
        else:
            made = next(r for r in self.observed.releases if r.version == step.copies)
        assert made.slug is not None
        older = tuple(
            msgspec.structs.replace(r, status="superseded") if r.status == "pending" else r
            for r in self.observed.releases
        )
        new = Release(
            step.app,
            len(older) + 1,
            step.build,
            made.source,
            made.slug,
            step.config,
            step.description,
            step.change,
        )
        self._replace(releases=(new, *older))

    def _start(self, step: StartJob) -> None:
        handed = msgspec.structs.replace(step.job, state="handed", incarnation=1)
        others = tuple(j for j in self.observed.jobs if j.id != handed.id)
        known = {f.id for f in self.observed.job_facts}
        facts = JobFacts(handed.id, handed.app, handed.dyno, "running", self.now_s)
        self._replace(
            jobs=(handed, *others),
            job_facts=(*self.observed.job_facts, *(() if handed.id in known else (facts,))),
        )

    def _settle(self, step: SettleRelease) -> None:
        status = "succeeded" if step.succeeded else "failed"
        self._replace(
            releases=tuple(
                msgspec.structs.replace(r, status=status, message=step.message)
                if r.version == step.version
                else r
                for r in self.observed.releases
            )
        )

    def _ensure(self, order: SetOrder) -> None:
        known = next((s for s in self.observed.sets if s.key == order.key), None)
        live = known.instances if known is not None else ()
        wanted = max(order.bounds.min, 0 if known is not None else 1)
        missing = range(len(live) + 1, wanted + 1)
        started = tuple(builders.instance(n, Phase.STARTING) for n in missing)
        instances = (*live, *started)[: order.bounds.max]
        facts = builders.facts(order, *instances) if known is None else known
        facts = msgspec.structs.replace(
            facts,
            instances=instances,
            bounds=order.bounds,
            fence=order.fence,
            upkeep=order.upkeep,
            release=order.spec.release,
            retiring=False,
            gave_up=False,
        )
        others = tuple(s for s in self.observed.sets if s.key != order.key)
        self._replace(sets=(*others, facts))

    def _jobs(self, alter) -> None:
        self._replace(jobs=tuple(alter(j) for j in self.observed.jobs))

    def _facts(self, alter) -> None:
        self._replace(job_facts=tuple(alter(f) for f in self.observed.job_facts))

    def _sets(self, alter) -> None:
        self._replace(sets=tuple(alter(s) for s in self.observed.sets))

    def _replace(self, **fields: object) -> None:
        self.observed = msgspec.structs.replace(self.observed, **fields)


def _ended(
    build: Build,
    message: str,
    user_error: bool,
    processes: tuple[ProcessType, ...],
    schedule: tuple[CronJob, ...],
) -> Build:
    if message:
        return msgspec.structs.replace(
            build, status="failed", message=message, user_error=user_error
        )
    slug = Slug(build.source, processes, build.stack, "/usr/bin/python3", schedule=schedule)
    return msgspec.structs.replace(build, status="succeeded", slug=slug)


def _with_ready(facts: SetFacts) -> SetFacts:
    if facts.gave_up or not facts.instances:
        return facts
    grown = tuple(
        msgspec.structs.replace(i, phase=Phase.READY) if i.phase is Phase.STARTING else i
        for i in facts.instances
    )
    return msgspec.structs.replace(facts, instances=grown, ever_ready=True)
