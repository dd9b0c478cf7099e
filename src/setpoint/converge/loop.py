"""The loop: a wake or the period, then observe, plan, apply, record, for one app at a time each.

Looking and planning happen inline; an asyncio task exists only while there are steps to carry
out, so a driver that hangs on one app delays no other. Everything in memory may be lost at any
moment: the next life finds out again by looking.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from logging import Logger

from setpoint.converge import acts, damage
from setpoint.converge.applier import Applier, Next, Outcome
from setpoint.converge.hopes import Hopes
from setpoint.converge.observer import Observer, Sight
from setpoint.converge.orphans import Orphans
from setpoint.converge.pace import Pace
from setpoint.converge.queue import Priority, Queue
from setpoint.converge.recorder import Recorder, troubled
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.errors import DriverError, SetpointError, StoreError, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.steps import ForgetApp, Plan, StartBuild, describe
from setpoint.planning.planner import plan as make_plan
from setpoint.store.port import Store

REPEATS_TOLD = 12
"""So often in a row was the very same done, over about 20 s, and the world did not show it."""

NOT_TRIED = Outcome("refused", "not tried: an earlier step of this pass did not succeed")


@dataclass(frozen=True)
class Settings:
    """Seconds throughout. `passes_max`: how many apps may be worked on at the same time."""

    period_s: float = 30.0
    probe_s: float = 5.0
    look_timeout_s: float = 5.0
    step_timeout_s: float = 30.0
    acts_pause_s: float = 1.0
    orphan_grace_s: float = 300.0
    passes_max: int = 256


class Loop:
    """`now`: unix seconds. `luck`: uniform in [0, 1). `new_token`: a text that never comes twice.

    `reading`: what passes read from, if that is another door to the same memory than `store`;
    the look right before each effect always goes to `store`.
    """

    def __init__(
        self,
        store: Store,
        driver: Driver,
        edge: Edge,
        *,
        now: Callable[[], float],
        luck: Callable[[], float],
        new_token: Callable[[], str],
        log: Logger,
        settings: Settings = Settings(),
        reading: Store | None = None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._now = now
        self._log = log
        self._settings = settings
        self._bell = asyncio.Event()
        self._news = asyncio.Event()
        self._working = 0
        ticks = itertools.count(1)
        self._ticks = ticks
        self._queue = Queue(_monotonic, ticks)
        self._pace = Pace(_monotonic, luck, settings.period_s)
        self._hopes = Hopes()
        self._luck = luck
        self._observer = Observer(reading or store, driver, edge, ticks, settings.look_timeout_s)
        self._applier = Applier(store, driver, edge, settings.step_timeout_s)
        self._recorder = Recorder(store, now, new_token)
        self._orphans = Orphans(
            store,
            driver,
            edge,
            now=now,
            clock=_monotonic,
            new_token=new_token,
            grace_s=settings.orphan_grace_s,
            timeout_s=settings.step_timeout_s,
        )

    def wake(self, app: AppId, priority: Priority = Priority.FRESH) -> None:
        """Look at this app soon. A name only: what happened is seen by looking."""
        self._queue.add(app, priority)
        self._bell.set()

    @property
    def backlog(self) -> int:
        """How many apps wait to be looked at."""
        return len(self._queue)

    async def run(self) -> None:
        """Until cancelled. Cancelling is always safe: unfinished effects are found again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(self._driver.changes))
            group.create_task(self._follow(self._edge.changes))
            group.create_task(self._survey_for_ever())
            group.create_task(self._hope_for_ever())
            group.create_task(self._keep_acts())
            await self._beat(group)

    # --- what makes the loop look ---------------------------------------------------------

    async def _beat(self, group: asyncio.TaskGroup) -> None:
        while True:
            woken = self._queue.pop() if self._working < self._settings.passes_max else None
            if woken is None:
                await self._rest()
            else:
                await self._pass(group, *woken)

    async def _rest(self) -> None:
        due = self._queue.next_due() if self._working < self._settings.passes_max else None
        try:
            async with asyncio.timeout_at(due):
                await self._bell.wait()
        except TimeoutError:
            return
        self._bell.clear()

    async def _follow(self, changes: Callable[[], AsyncIterator[AppId]]) -> None:
        """Wakes named by the world. After a break, the driver names every app once."""
        failures = 0
        while True:
            try:
                async for app in changes():
                    failures = 0
                    self._news.set()
                    self.wake(app)
            except DriverError as error:
                self._log.info("changes.interrupted", extra={"error": error.message})
            failures += 1
            await asyncio.sleep(self._luck() * min(5.0, 0.05 * 2.0 ** min(failures, 10)))

    async def _survey_for_ever(self) -> None:
        """Look at everything once per period, whoever forgot to ring."""
        while True:
            try:
                await self._survey()
            except (SetpointError, TimeoutError) as error:
                self._log.warning("survey.failed", extra={"error": str(error)})
            except Exception:
                self._log.exception("survey.broke")
            await asyncio.sleep(self._settings.period_s)

    async def _survey(self) -> None:
        units = await self._store.units()
        for unit in units:
            self.wake(unit.id, Priority.RESYNC)
        for app in await damage.found(self._store, units):
            await damage.tell(self._store, app.app, app.generation, app.fact, self._now())
        self._news.set()
        snapshot = await self._observer.snapshot(next(self._ticks))
        await self._orphans.sweep(snapshot, await self._store.unit_ids())

    async def _hope_for_ever(self) -> None:
        """Whoever was short of what is offered now is looked at, and nobody else."""
        while True:
            try:
                for app in self._hopes.after(await self._observer.probe()):
                    self.wake(app)
            except (SetpointError, TimeoutError) as error:
                self._log.info("offers.unknown", extra={"error": str(error)})
            except Exception:
                self._log.exception("offers.broke")
            await asyncio.sleep(self._settings.probe_s)

    async def _keep_acts(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await acts.take(self._store, self._driver, self._settings.look_timeout_s)
            except (SetpointError, TimeoutError) as error:
                self._log.info("acts.not_taken", extra={"error": str(error)})
            except Exception:
                self._log.exception("acts.broke")
            await asyncio.sleep(self._settings.acts_pause_s)

    # --- one pass ---------------------------------------------------------------------------

    async def _pass(self, group: asyncio.TaskGroup, app: AppId, woken: int) -> None:
        """Look and plan inline; work, if there is any, in a task of its own."""
        handed_over = False
        try:
            sight = await self._observer.look(app, woken)
            if sight is None:
                return self._let_go(app)
            await self._recorder.tidy(app)
            capabilities = await self._observer.capabilities()
            plan = make_plan(sight.unit, sight.observed, capabilities, self._now())
            self._hopes.remember(app, plan.unmet)
            await self._recorder.tell_drift(sight, plan)
            refusal = self._pace.refusal(app, plan.steps)
            if plan.steps and refusal is None:
                group.create_task(self._work_guarded(sight, plan))
                self._working += 1
                handed_over = True
            else:
                await self._conclude(sight, plan, refusal)
        except Unreadable as error:
            await self._say_unreadable(app, error)
        except Exception as error:
            self._trouble(app, error)
        finally:
            if not handed_over:
                self._queue.done(app)

    async def _say_unreadable(self, app: AppId, error: Unreadable) -> None:
        """Something of this app cannot be read; if it is the intent, the survey says so."""
        self._trouble(app, error)
        try:
            unit = await self._store.unit(app)
            if unit is not None:
                fact = f"{error.message}; {error.hint}"
                await damage.tell(self._store, app, unit.generation, fact, self._now())
        except StoreError as again:
            self._log.warning("damage.not_told", extra={"app": app, "error": again.message})

    async def _conclude(self, sight: Sight, plan: Plan, refusal: str | None) -> None:
        """Nothing to do (now): say so if it was not known, and look again if it is not settled."""
        app = sight.unit.id
        conditions = troubled(plan, refusal, stalled=True) if refusal is not None else None
        await self._recorder.end(app, status=self._recorder.status(sight, plan, conditions))
        if refusal is not None:
            return
        for again_s in (self._pace.after_look(app, plan), plan.alarm_s):
            if again_s is not None:
                self._queue.add_later(app, again_s)

    async def _work_guarded(self, sight: Sight, plan: Plan) -> None:
        app = sight.unit.id
        try:
            await self._work(sight, plan)
        except Exception as error:
            self._trouble(app, error)
        finally:
            self._working -= 1
            self._queue.done(app)
            self._bell.set()

    async def _work(self, sight: Sight, plan: Plan) -> None:
        unit = sight.unit
        ids = await self._recorder.begin(unit, plan)
        outcomes = await self._carry_out(sight, plan)
        trouble = next((o for o in outcomes if o.next in (Next.RETRY, Next.GIVE_UP)), None)
        conditions = None
        if trouble is not None:
            conditions = troubled(plan, trouble.result, stalled=trouble.next is Next.GIVE_UP)
        elif self._pace.repeats(unit.id, plan) >= REPEATS_TOLD:
            conditions = troubled(plan, _no_effect(plan), stalled=True, reason="NoEffect")
        status = self._recorder.status(sight, plan, conditions)
        await self._recorder.end(unit.id, ids, outcomes, status)
        self._log.info(
            "pass.worked",
            extra={"app": unit.name, "generation": unit.generation, "steps": len(ids)},
        )
        self._come_back(unit.id, plan, outcomes)

    async def _carry_out(self, sight: Sight, plan: Plan) -> list[Outcome]:
        """In order. After a step that did not succeed the rest is left: it may lean on it.
        Nothing leans on a build being asked for."""
        outcomes: list[Outcome] = []
        stop = False
        for step in plan.steps:
            if stop:
                outcomes.append(NOT_TRIED)
                continue
            outcome = await self._applier.apply(sight.unit, step, self._now())
            outcomes.append(outcome)
            stop = outcome.next is not Next.GO_ON and not isinstance(step, StartBuild)
        return outcomes

    def _come_back(self, app: AppId, plan: Plan, outcomes: list[Outcome]) -> None:
        nexts = {o.next for o in outcomes}
        if Next.RETRY in nexts:
            self._queue.add_later(app, self._pace.after_failure(app))
        elif Next.GIVE_UP in nexts:
            told = next(o.result for o in outcomes if o.next is Next.GIVE_UP)
            self._queue.add_later(app, self._pace.refuse(app, plan.steps, told))
        elif any(isinstance(step, ForgetApp) for step in plan.steps):
            self._let_go(app)
        else:
            self._queue.add_later(app, self._pace.after_work(app, plan))

    def _trouble(self, app: AppId, error: Exception) -> None:
        """Ends this app's pass and no other's."""
        if isinstance(error, StoreError | DriverError | TimeoutError):
            self._log.warning("pass.failed", extra={"app": app, "error": str(error)})
        else:
            self._log.error("pass.broke", extra={"app": app}, exc_info=error)
        self._queue.add_later(app, self._pace.after_failure(app))

    def _let_go(self, app: AppId) -> None:
        self._pace.forget(app)
        self._hopes.forget(app)
        self._recorder.forget(app)


def _no_effect(plan: Plan) -> str:
    told = ", ".join(" ".join(describe(step)) for step in plan.steps)
    return f"{told}: said to be done again and again, and not to be seen; look at doctor and logs"


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
