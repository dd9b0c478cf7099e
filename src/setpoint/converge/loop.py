"""The loop: a wake or the period, then observe, plan, apply, record, for one app at a time each.

Whoever was woken together is looked at together, and planned for inline; an asyncio task exists
only while there is something to carry out or to write, so a driver that hangs on one app delays no
other. Everything in memory may be lost at any moment: the next life finds out again by looking.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from logging import Logger

import msgspec

from setpoint.converge import acts, damage
from setpoint.converge.applier import Applier, Next, Outcome
from setpoint.converge.diary import Diary, Page
from setpoint.converge.hopes import Hopes
from setpoint.converge.observer import Observer, Sight
from setpoint.converge.orphans import Orphans
from setpoint.converge.pace import Pace
from setpoint.converge.queue import Priority, Queue
from setpoint.converge.recorder import Recorder, troubled
from setpoint.converge.slices import in_slices
from setpoint.converge.surveyor import Surveyor, Surveys
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.capability import Capabilities
from setpoint.model.condition import Condition
from setpoint.model.errors import DriverError, SetpointError, StoreError, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.observed import Uptime
from setpoint.model.steps import ForgetApp, Plan, StartBuild, describe
from setpoint.planning.planner import plan as make_plan
from setpoint.store.port import Status, Store

Work = Callable[[], Coroutine[None, None, None]]

REPEATS_TOLD = 12
"""So often in a row was the very same done, over about 20 s, and the world did not show it."""

CLOCK_S = 0.2
"""After which a pass that leans on the clock looks whether anybody has looked at that by now."""

NOT_TRIED = Outcome("refused", "not tried: an earlier step of this pass did not succeed")


@dataclass(frozen=True)
class Settings:
    """Seconds throughout. `passes_max`: how many apps may be worked on at the same time.
    `looks_max`: how many are looked at together. `rest_s`: as Rests has it."""

    period_s: float = 30.0
    probe_s: float = 5.0
    look_timeout_s: float = 5.0
    step_timeout_s: float = 30.0
    acts_pause_s: float = 1.0
    orphan_grace_s: float = 300.0
    passes_max: int = 256
    looks_max: int = 32
    rest_s: float = 600.0


class Loop:
    """`now`: unix seconds. `luck`: uniform in [0, 1). `new_token`: a text that never comes twice.

    `reading`: what passes read from, if that is another door to the same memory than `store`;
    the look right before each effect always goes to `store`. `surveys`: who looks at everything, if
    that is somebody outside of this process. `uptime`: that this process belongs to.
    `ahead_s`: how far the clock is ahead of what is believed; None: nobody knows it yet.
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
        surveys: Surveys | None = None,
        uptime: Uptime = Uptime(),
        ahead_s: Callable[[], float | None] = lambda: 0.0,
    ) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._now = now
        self._ahead_s = ahead_s
        self._log = log
        self._settings = settings
        self._bell = asyncio.Event()
        self._news = asyncio.Event()
        self._working = 0
        self._queue = Queue(_monotonic)
        self._pace = Pace(_monotonic, luck, settings.period_s)
        self._hopes = Hopes()
        self._luck = luck
        self._diary = Diary()
        self._surveying = asyncio.Lock()
        self._surveyor = surveys or Surveyor(
            store,
            driver,
            edge,
            clock=_monotonic,
            now=now,
            luck=luck,
            rest_s=settings.rest_s,
            timeout_s=settings.look_timeout_s,
        )
        self._observer = Observer(reading or store, driver, edge, settings.look_timeout_s, uptime)
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

    def again(self) -> None:
        """Whoever waits after a failure is looked at now: what it was about may be over."""
        for app in self._pace.failing():
            self.wake(app, Priority.RETRY)

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
            apps = self._queue.take(self._room())
            if apps:
                await self._looks(group, apps)
                await asyncio.sleep(0)  # looks may have found all of it in memory
            else:
                await self._rest()

    def _room(self) -> int:
        """For so many passes more, of which each may turn out to be work."""
        return min(self._settings.looks_max, self._settings.passes_max - self._working)

    async def _rest(self) -> None:
        due = self._queue.next_due() if self._room() else None
        try:
            async with asyncio.timeout_at(due):
                await self._bell.wait()
        except TimeoutError:
            return
        self._bell.clear()

    async def _follow(self, changes: Callable[[], AsyncIterator[AppId]]) -> None:
        """Wakes named by the world. After a break, the driver names every app once; who asked does
        not wait behind all of them."""
        failures = 0
        while True:
            try:
                async for app in changes():
                    failures = 0
                    self._news.set()
                    self.wake(app, Priority.RETRY)
            except DriverError as error:
                self._log.info("changes.interrupted", extra={"error": error.message})
            failures += 1
            await asyncio.sleep(self._luck() * min(5.0, 0.05 * 2.0 ** min(failures, 10)))

    async def _survey_for_ever(self) -> None:
        """Look at everything once per period, whoever forgot to ring."""
        while True:
            try:
                await self.survey()
            except SetpointError as error:
                self._log.warning("survey.failed", extra={"error": str(error)})
            except Exception:
                self._log.exception("survey.broke")
            await asyncio.sleep(self._settings.period_s)

    async def survey(self) -> None:
        """Whoever is known to be at rest, and is as it was, needs no look."""
        async with self._surveying:
            page = self._diary.turn()
            try:
                found = await self._surveyor.survey(page)
            except BaseException as error:
                unread = isinstance(error, SetpointError)
                self._diary.put_back(page if unread else Page(all_ended=True))
                raise
            async for apps in in_slices(found.restless):
                for app in apps:
                    self.wake(app, Priority.RESYNC)
            self._news.set()
            await self._orphans.sweep(found.unknown)

    async def _hope_for_ever(self) -> None:
        """Whoever would have something else of what is offered now is looked at."""
        while True:
            try:
                self._hear_of(await self._observer.probe())
            except SetpointError as error:
                self._log.info("offers.unknown", extra={"error": str(error)})
            except Exception:
                self._log.exception("offers.broke")
            await asyncio.sleep(self._settings.probe_s)

    def _hear_of(self, offers: Capabilities) -> None:
        """Nobody else is looked at: a plan that leans on none of it would be the same. It may be
        everybody, so who asked comes first."""
        for app in self._hopes.after(offers):
            self._diary.end(app)
            self.wake(app, Priority.RETRY)

    async def _keep_acts(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await acts.take(self._store, self._driver, self._settings.look_timeout_s)
            except SetpointError as error:
                self._log.info("acts.not_taken", extra={"error": str(error)})
            except Exception:
                self._log.exception("acts.broke")
            await asyncio.sleep(self._settings.acts_pause_s)

    # --- one pass ---------------------------------------------------------------------------

    async def _looks(self, group: asyncio.TaskGroup, apps: Sequence[AppId]) -> None:
        """Look at these; what there is to carry out or to write is done in a task of each."""
        for app in apps:
            self._diary.end(app)
        try:
            sights = await self._observer.look(apps)
            offers = await self._observer.capabilities()
        except Exception as error:
            for app in apps:
                self._trouble(app, error)
                self._queue.done(app)
            return
        self._hear_of(offers)
        for app in apps:
            self._pass(group, app, sights.get(app), offers)

    def _pass(
        self,
        group: asyncio.TaskGroup,
        app: AppId,
        sight: Sight | SetpointError | None,
        offers: Capabilities,
    ) -> None:
        work = None
        try:
            work = self._decide(app, sight, offers)
        except Exception as error:
            self._trouble(app, error)
        if work is None:
            self._queue.done(app)
        else:
            self._working += 1
            group.create_task(self._guarded(app, work))

    def _decide(
        self, app: AppId, sight: Sight | SetpointError | None, offers: Capabilities
    ) -> Work | None:
        """What is to be carried out or written, if anything. No waiting and no I/O."""
        if sight is None:
            return self._let_go(app)
        if isinstance(sight, SetpointError):
            self._trouble(app, sight)
            unreadable = isinstance(sight, Unreadable)
            return partial(self._say_unreadable, app, sight) if unreadable else None
        ahead_s = self._ahead_s()
        if ahead_s is None and _ends_by_itself(sight):
            self._queue.add_later(app, CLOCK_S)
            return None
        observed = msgspec.structs.replace(sight.observed, clock_ahead_s=ahead_s or 0.0)
        plan = make_plan(sight.unit, observed, offers, self._now())
        self._hopes.remember(app, plan.wants)
        refusal = self._pace.refusal(app, plan.steps)
        if plan.steps and refusal is None:
            return partial(self._work, sight, plan)
        conditions = troubled(plan, refusal, stalled=True) if refusal is not None else None
        status = self._recorder.status(sight, plan, conditions)
        if status is not None or self._recorder.has_news(sight, plan):
            return partial(self._tell, sight, plan, status, refusal)
        self._conclude(sight, plan, refusal)
        return None

    async def _say_unreadable(self, app: AppId, error: Unreadable) -> None:
        """Something of this app cannot be read: its intent, or what came of it."""
        for found in await self._store.damaged(app):
            await damage.tell(self._store, app, found.generation, found.fact, self._now())
            return
        unit = await self._store.unit(app)
        if unit is not None:
            fact = f"{error.message}; {error.hint}"
            await damage.tell(self._store, app, unit.generation, fact, self._now())

    async def _tell(
        self,
        sight: Sight,
        plan: Plan,
        status: Status | None,
        refusal: str | None,
    ) -> None:
        """Nothing to do (now), and something to say."""
        await self._recorder.take_in(sight, plan)
        await self._recorder.end(sight.unit.id, status=status, news=sight.news)
        self._conclude(sight, plan, refusal)

    def _conclude(self, sight: Sight, plan: Plan, refusal: str | None) -> None:
        """Look again if it is not settled, or something will be due."""
        app = sight.unit.id
        if refusal is not None:
            return
        if plan.settled:
            self._diary.begin(sight)
        for again_s in (self._pace.after_look(app, plan), plan.alarm_s):
            if again_s is not None:
                self._queue.add_later(app, again_s)

    async def _guarded(self, app: AppId, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            self._trouble(app, error)
        finally:
            self._working -= 1
            self._queue.done(app)
            self._bell.set()

    async def _work(self, sight: Sight, plan: Plan) -> None:
        unit = sight.unit
        await self._recorder.take_in(sight, plan)
        ids = await self._recorder.begin(sight, plan)
        outcomes = await self._carry_out(sight, plan)
        trouble = next((o for o in outcomes if o.next in (Next.RETRY, Next.GIVE_UP)), None)
        conditions = None
        if trouble is not None:
            conditions = troubled(plan, trouble.result, stalled=trouble.next is Next.GIVE_UP)
        elif self._pace.repeats(unit.id, plan) >= REPEATS_TOLD:
            conditions = troubled(plan, _no_effect(plan), stalled=True, reason="NoEffect")
        await self._recorder.end(unit.id, ids, outcomes, self._said(sight, plan, conditions))
        self._log.info(
            "pass.worked",
            extra={"app": unit.name, "generation": unit.generation, "steps": len(ids)},
        )
        self._come_back(unit.id, plan, outcomes)

    def _said(
        self, sight: Sight, plan: Plan, conditions: tuple[Condition, ...] | None
    ) -> Status | None:
        """Nothing where all went well: the pass that follows at once says what it came to."""
        follows = conditions is None and self._pace.follows_at_once(sight.unit.id, plan)
        if follows and not self._recorder.has_drift(sight, plan):
            return None
        return self._recorder.status(sight, plan, conditions)

    async def _carry_out(self, sight: Sight, plan: Plan) -> list[Outcome]:
        """In order. After a step that did not succeed the rest is left: it may lean on it.
        Nothing leans on a build being asked for."""
        outcomes: list[Outcome] = []
        stop = False
        for step in plan.steps:
            if stop:
                outcomes.append(NOT_TRIED)
                continue
            outcome = await self._applier.apply(sight.unit, step, self._now(), sight.observed.route)
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
        if isinstance(error, StoreError | DriverError):
            self._log.warning("pass.failed", extra={"app": app, "error": str(error)})
        else:
            self._log.error("pass.broke", extra={"app": app}, exc_info=error)
        self._queue.add_later(app, self._pace.after_failure(app))

    def _let_go(self, app: AppId) -> None:
        self._pace.forget(app)
        self._hopes.forget(app)


def _ends_by_itself(sight: Sight) -> bool:
    """Is something said that holds until a moment?"""
    upkeep = sight.unit.intent.upkeep
    return upkeep is not None and upkeep.until_s is not None


def _no_effect(plan: Plan) -> str:
    told = ", ".join(" ".join(describe(step)) for step in plan.steps)
    return f"{told}: said to be done again and again, and not to be seen; look at doctor and logs"


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
