"""Puts a snapshot of a Setpoint into the simulated world: memory, what runs, what is routed.

A snapshot has no values and does not know programs: config values are empty here, and whatever
runs is taken to start and serve as it did. A build that was under way begins again.
"""

import asyncio

import msgspec

from setpoint.model.app import DYNO_SIZES, SecretRef, Unit
from setpoint.model.ids import AppId, Digest
from setpoint.model.job import Job, JobFacts, JobOrder
from setpoint.model.process import ProcessSpec, SetFacts, SetOrder
from setpoint.model.release import Build, ProcessType, Release
from setpoint.model.snapshot import AppSnapshot, Snapshot
from setpoint.planning.processes import ATTEMPTS_MAX
from setpoint.store.port import Status
from setpoint.testing.programs import Program, learn
from setpoint.testing.rehearsal.stage import Stage

STOP_S = 0.5
BOOT_S = 2.0


def restore(stage: Stage, snapshot: Snapshot) -> None:
    stage.supervisor.capabilities = snapshot.capabilities
    for app in snapshot.apps:
        _Restoring(stage, app).all()
    stage.supervisor.crash()
    stage.supervisor.restart()
    stage.store.told.sort(key=lambda told: told.change.seq)


class _Restoring:
    """One app."""

    def __init__(self, stage: Stage, app: AppSnapshot) -> None:
        self._stage = stage
        self._app = app
        self._id: AppId = app.unit.id

    def all(self) -> None:
        self._memory()
        self._secrets()
        self._programs()
        for facts in self._app.seen.sets:
            self._set(facts)
        self._route()
        self._jobs()

    def _memory(self) -> None:
        app, store = self._app, self._stage.store
        at_s = {took.change: took.settled_at_s for took in app.took}
        settled_at_s = {c.generation: at_s[s] for c in app.changes if (s := c.change.seq) in at_s}
        store.take_up(app.unit, app.entries[::-1], settled_at_s)
        store.rows.releases[self._id] = app.releases
        store.rows.builds[self._id] = tuple(b for b in app.builds if b.final)
        store.rows.jobs[self._id] = app.jobs
        store.provenance[self._id] = dict(app.fields)
        store.told += app.changes
        if app.seen_at_s is not None:
            seen = msgspec.json.encode(app.seen)
            store.rows.status[self._id] = Status(
                app.observed_generation, app.conditions, seen, app.seen_at_s
            )

    def _secrets(self) -> None:
        """Every reference leads somewhere, and to nothing."""
        intent = self._app.unit.intent
        refs: list[SecretRef] = [*intent.config.values()]
        refs += [intent.invoke_key] if intent.invoke_key is not None else []
        refs += [certificate.pem for certificate in intent.certificates.values()]
        refs += [ref for r in self._app.releases for ref in r.config.values()]
        refs += [ref for j in self._app.jobs for ref in j.environment.values()]
        self._stage.store.secrets |= {ref.key: "" for ref in refs}

    def _programs(self) -> None:
        """What each slug is made of; its layers lie on the disk as long as it is kept."""
        disk = self._stage.supervisor.disk
        for release in self._app.releases:
            self._learn(release.slug.code, release)
            self._learn(release.source, release)
            if release.slug_kept:
                disk.keep(
                    Build(release.build, self._id, release.source, "succeeded", slug=release.slug)
                )
        for build in self._app.builds:
            if build.slug is not None:
                learn(Program(build.slug.code, build.slug.processes, boot_s=BOOT_S))
                disk.keep(build)
        source = self._app.unit.intent.source
        if source is not None:
            learn(Program(source.digest, boot_s=BOOT_S))

    def _learn(self, digest: Digest, release: Release) -> None:
        slug = release.slug
        phased = any(p.kind == "release" for p in slug.processes)
        phase = "succeeds" if phased else "none"
        learn(Program(digest, slug.processes, release=phase, schedule=slug.schedule, boot_s=BOOT_S))

    def _release(self, version: int) -> Release | None:
        return next((r for r in self._app.releases if r.version == version), None)

    def _set(self, facts: SetFacts) -> None:
        release = self._release(facts.release)
        name = facts.key.process
        type_ = release.slug.process(name) if release is not None else None
        spec = _spec(self._app.unit, release, type_ or _unknown(name), facts.release)
        learn(Program(spec.code, boot_s=BOOT_S))
        proven = release is None or release.status == "succeeded"
        order = SetOrder(
            key=facts.key,
            app_name=self._app.unit.name,
            spec=spec,
            bounds=facts.bounds,
            fence=facts.fence,
            attempts_max=0 if proven else ATTEMPTS_MAX,
            probe=self._app.unit.intent.probe_of(name, spec.kind),
        )
        self._stage.supervisor.take_up(order, facts, BOOT_S, STOP_S)

    def _route(self) -> None:
        facts = self._app.seen.route
        if facts is not None:
            self._stage.edge.routes[self._id] = facts
            self._stage.edge.fences[self._id] = facts.route.fence

    def _jobs(self) -> None:
        """What memory handed over and nobody saw running is never started again."""
        running = {facts.id: facts for facts in self._app.seen.jobs}
        supervisor = self._stage.supervisor
        for job in self._app.jobs:
            facts = running.get(job.id)
            if job.final or job.state == "pending":
                continue
            if facts is None:
                supervisor.lose_job(self._id, job.id)
            else:
                supervisor.take_up_job(self._order(job), _started_s(facts))

    def _order(self, job: Job) -> JobOrder:
        release = self._release(job.release)
        type_ = ProcessType(job.dyno.partition(".")[0], "worker", job.command)
        spec = _spec(self._app.unit, release, type_, job.release)
        learn(Program(spec.code, boot_s=BOOT_S))
        return JobOrder(job.id, self._id, self._app.unit.name, job.dyno, spec, job.run_s_max)


def _spec(unit: Unit, release: Release | None, type_: ProcessType, version: int) -> ProcessSpec:
    """Enough of it to run: what it is really made of stands in its key."""
    size = DYNO_SIZES["basic"]
    return ProcessSpec(
        process=type_.name,
        kind=type_.kind,
        release=version,
        code=release.slug.code if release is not None else Digest(f"{unit.id}-v{version}"),
        layer=type_.layer,
        python=release.slug.python if release is not None else "",
        folder=type_.folder,
        command=type_.command,
        runtime=type_.runtime,
        environment=Digest(""),
        size=size.name,
        memory_bytes_max=size.memory_bytes_max,
        pids_max=size.pids_max,
        cpu_weight=size.cpu_weight,
    )


def _unknown(process: str) -> ProcessType:
    """Of a release that is not told of any more."""
    return ProcessType(process, "web" if process == "web" else "worker")


def _started_s(facts: JobFacts) -> float:
    now_s = asyncio.get_running_loop().time()
    return facts.started_at_s if facts.started_at_s is not None else now_s
