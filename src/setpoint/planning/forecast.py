"""What would happen? The planner on a draft, again and again, each step taken as gone well.

`setpoint plan` shows this. Assumed successes are marked, never hidden.
"""

import hashlib
from typing import NamedTuple

import msgspec

from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.ids import Digest, InstanceId, JobId
from setpoint.model.job import CronJob
from setpoint.model.observed import Observed
from setpoint.model.process import Instance, Phase, SetFacts
from setpoint.model.release import Build, ProcessType, Release, Slug
from setpoint.model.route import RouteFacts
from setpoint.model.steps import (
    CutRelease,
    EnsureProcesses,
    EnsureRoute,
    ForgetApp,
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

PASSES_MAX = 20
"""A rollout takes about six; a forecast that needs more is not converging and is cut off."""


class Found(NamedTuple):
    """What an assumed build would find in the source, as far as is known."""

    processes: tuple[ProcessType, ...] = ()
    cron: tuple[CronJob, ...] = ()


def forecast(
    unit: Unit,
    observed: Observed,
    capabilities: Capabilities,
    now_s: float,
    found: Found = Found(),
) -> tuple[Plan, ...]:
    """Every pass until it settles.

    The last plan is settled, or has what cannot be assumed away (unmet, stalled).
    """
    plans: list[Plan] = []
    for _ in range(PASSES_MAX):
        current = plan(unit, observed, capabilities, now_s)
        plans.append(current)
        before = observed
        for step in current.steps:
            observed = _after(observed, step, capabilities, now_s, found)
        observed = _settled_in(observed)
        if observed == before:
            break
    return tuple(plans)


def _after(
    observed: Observed, step: Step, capabilities: Capabilities, now_s: float, found: Found
) -> Observed:
    """The world as the step, gone well, would leave it."""
    match step:
        case StartBuild():
            return _put_build(observed, _assumed_build(observed, step, capabilities, found))
        case CutRelease():
            return _cut(observed, step, now_s)
        case SettleRelease():
            return _settle(observed, step)
        case EnsureProcesses():
            return _ensure(observed, step)
        case RemoveProcesses():
            return _with_sets(observed, tuple(s for s in observed.sets if s.key != step.key))
        case EnsureRoute():
            return _replace(observed, route=RouteFacts(step.route, True, "", step.invoke_key))
        case RemoveRoute():
            return _replace(observed, route=None)
        case StartJob():
            done = msgspec.structs.replace(step.job, state="succeeded")
            others = tuple(j for j in observed.jobs if j.id != done.id)
            return _replace(observed, jobs=(done, *others))
        case StopJob():
            return _without_job(observed, step.id)
        case SettleJob():
            return _without_job(observed, step.id)
        case ForgetApp():
            return Observed()


def _replace(observed: Observed, **fields: object) -> Observed:
    return msgspec.structs.replace(observed, **fields)


def _with_sets(observed: Observed, sets: tuple[SetFacts, ...]) -> Observed:
    return _replace(observed, sets=sets)


def _without_job(observed: Observed, id: JobId) -> Observed:
    return _replace(
        observed,
        jobs=tuple(j for j in observed.jobs if j.id != id),
        job_facts=tuple(f for f in observed.job_facts if f.id != id),
    )


def _assumed_build(
    observed: Observed, step: StartBuild, capabilities: Capabilities, found: Found
) -> Build:
    """Of a source that was released before it is known what is in it."""
    request = step.request
    before = next((r.slug for r in observed.releases if r.source == request.source), None)
    if before is not None and not found.processes:
        found = Found(before.processes, before.schedule)
    code = Digest(hashlib.sha256(request.source.encode()).hexdigest())
    slug = Slug(code, found.processes, request.stack, capabilities.python, schedule=found.cron)
    return Build(
        request.id, request.app, request.source, "succeeded", request.stack, slug, assumed=True
    )


def _put_build(observed: Observed, build: Build) -> Observed:
    others = tuple(b for b in observed.builds if b.id != build.id)
    return _replace(observed, builds=(build, *others))


def _cut(observed: Observed, step: CutRelease, now_s: float) -> Observed:
    """From now on: what its schedule asked for before is not due."""
    build = next((b for b in observed.builds if b.id == step.build), None)
    old = next((r for r in observed.releases if r.version == step.copies), None)
    slug = build.slug if build is not None else old.slug if old is not None else None
    if slug is None:
        return observed
    release = Release(
        app=step.app,
        version=observed.releases[0].version + 1 if observed.releases else 1,
        build=step.build,
        source=build.source if build is not None else Digest(""),
        slug=slug,
        config=step.config,
        description=step.description,
        change=step.change,
        created_at_s=now_s,
        assumed=build is not None and build.assumed,
    )
    return _replace(observed, releases=(release, *observed.releases))


def _settle(observed: Observed, step: SettleRelease) -> Observed:
    status = "succeeded" if step.succeeded else "failed"
    releases = tuple(
        msgspec.structs.replace(r, status=status) if r.version == step.version else r
        for r in observed.releases
    )
    return _replace(observed, releases=releases)


def _ensure(observed: Observed, step: EnsureProcesses) -> Observed:
    order = step.order
    instances = tuple(
        Instance(InstanceId(f"{order.key.process}.{n}-assumed"), n, Phase.READY, 0.0, 0.0)
        for n in range(1, order.bounds.min + 1)
    )
    facts = SetFacts(
        key=order.key,
        fence=order.fence,
        bounds=order.bounds,
        release=order.spec.release,
        instances=instances,
        ever_ready=True,
    )
    others = tuple(s for s in observed.sets if s.key != order.key)
    return _with_sets(observed, (facts, *others))


def _settled_in(observed: Observed) -> Observed:
    """Let time pass: what was starting is ready, what was leaving is gone, routes are confirmed."""
    sets = tuple(
        msgspec.structs.replace(s, instances=tuple(_grown(i) for i in s.instances), ever_ready=True)
        for s in observed.sets
        if not s.retiring
    )
    route = observed.route
    if route is not None and not route.acked and not route.nack:
        route = msgspec.structs.replace(route, acked=True)
    return _replace(observed, sets=sets, route=route)


def _grown(instance: Instance) -> Instance:
    if instance.phase is not Phase.STARTING:
        return instance
    return msgspec.structs.replace(instance, phase=Phase.READY, ready_at_s=instance.started_at_s)
