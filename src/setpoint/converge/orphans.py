"""Ours, but unknown: sets, routes and jobs of an app that memory does not have are collected.

Only after a grace period, and with an entry that says so: memory may be the one that is behind.
"""

import asyncio
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from setpoint.converge.facts import Facts
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.change import Because
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId, Fence
from setpoint.model.job import JobFacts
from setpoint.model.journal import Entry, EntryState
from setpoint.model.process import SetFacts
from setpoint.model.route import RouteFacts
from setpoint.model.steps import RemoveProcesses, RemoveRoute, StopJob, describe
from setpoint.store.port import Store

Left = SetFacts | RouteFacts | JobFacts


class Orphans:
    """`grace_s`: how long one must have been seen without a break, on `clock`: seconds that only
    ever pass, since a time of day that jumps must not make an orphan old. `now`: unix seconds."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        edge: Edge,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
        new_token: Callable[[], str],
        grace_s: float,
        timeout_s: float,
    ) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._now = now
        self._clock = clock
        self._new_token = new_token
        self._grace_s = grace_s
        self._timeout_s = timeout_s
        self._since: dict[AppId, float] = {}

    async def sweep(self, unknown: Mapping[AppId, Facts]) -> None:
        """What the world holds of apps that memory does not have."""
        now_s = self._clock()
        self._since = {app: self._since.get(app, now_s) for app in unknown}
        for app in sorted(unknown):
            if now_s - self._since[app] >= self._grace_s:
                await self._collect(app, unknown[app])

    async def _collect(self, app: AppId, facts: Facts) -> None:
        if await self._store.unit(app) is not None:
            return
        if facts.route is not None:
            await self._carry_out(app, facts.route)
        for left in sorted(facts.sets, key=lambda left: left.fence):
            newest = replace(left, fence=self._newest(left, facts))
            if not left.retiring and not await self._carry_out(app, newest):
                break  # the newest goes last: nobody else tells its fence
        for job in facts.jobs:
            if job.state == "running" and not job.stopping:
                await self._carry_out(app, job)

    def _newest(self, left: SetFacts, facts: Facts) -> Fence:
        """That was seen for its process, of which an older set may be left: nothing less removes
        any. Of an earlier incarnation, in which a newer set may have gone, any of this one does."""
        highest = max(s.fence for s in facts.sets if s.key.process == left.key.process)
        return replace(highest, incarnation=max(highest.incarnation, self._store.incarnation))

    async def _carry_out(self, app: AppId, left: Left) -> bool:
        """Two commits, as in any working pass. False: it may be there still."""
        (entry,) = await self._store.begin_pass([self._entry(app, left)])
        state: EntryState = "succeeded"
        result = ""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._remove(app, left)
        except TimeoutError:
            state, result = "unknown", f"no answer within {self._timeout_s:g} s"
        except DriverError as error:
            state, result = "failed", error.message
        await self._store.end_pass([(entry, state, result)], app, None, self._now())
        return state == "succeeded"

    async def _remove(self, app: AppId, left: Left) -> None:
        if isinstance(left, RouteFacts):
            await self._edge.remove_route(app, left.route.fence)
        elif isinstance(left, JobFacts):
            await self._driver.stop_job(app, left.id)
        else:
            await self._driver.remove(left.key, left.fence)

    def _entry(self, app: AppId, left: Left) -> Entry:
        because = Because("orphan", f"no app has this id, and has not had for {self._grace_s:g} s")
        step = _removal(app, left, because)
        verb, subject = describe(step)
        return Entry(
            id=0,
            app=app,
            generation=0 if isinstance(step, StopJob) else step.generation,
            kind="step",
            verb=verb,
            subject=subject,
            rule=because.rule,
            because=because.text,
            change=None,
            state="planned",
            planned_at_s=self._now(),
            token=self._new_token(),
        )


def _removal(app: AppId, left: Left, because: Because) -> RemoveRoute | RemoveProcesses | StopJob:
    if isinstance(left, JobFacts):
        return StopJob(app, left.id, left.dyno, because)
    if isinstance(left, RouteFacts):
        return RemoveRoute(app, left.route.fence.generation, because)
    return RemoveProcesses(left.key, left.fence.generation, because)
