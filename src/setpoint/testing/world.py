"""The simulated world: a machine, its supervisor and edge, a store, and a daemon that may die.

The daemon is the real loop. When it crashes its memory is dropped and a new life begins; when
the machine reboots, everything but the store and the fences is gone.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Generator
from logging import Logger
from typing import Any, cast

from setpoint.converge.collector import Collector, Pacing
from setpoint.converge.footing import Footing
from setpoint.converge.loop import Loop, Settings
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import Unit
from setpoint.model.clock import Moment
from setpoint.model.condition import ConditionType, find
from setpoint.model.errors import StoreError, Transient
from setpoint.model.ids import AppId, Fence
from setpoint.model.observed import Uptime
from setpoint.model.retention import Ground, Retention
from setpoint.store.port import Store
from setpoint.testing.edge import SimEdge
from setpoint.testing.faults import Faults, Gated, Life
from setpoint.testing.machine import Machine
from setpoint.testing.store import Held, SimStore, StaleReads
from setpoint.testing.supervisor import SimSupervisor
from setpoint.testing.watch import LOOK_AND_LEAP_S, Watch
from setpoint.views.feed import Feed

SUPERVISOR_LOG = logging.getLogger("setpoint.supervisor")
UNDECIDED = "set.not_decided"
"""What a set is to do and to tell does not depend on what can be written down."""
SETTINGS = Settings(step_timeout_s=10.0, orphan_grace_s=60.0, rest_s=1e9)
PACING = Pacing(first_s=10.0, period_s=20.0)
FOOTING_S = 10.0
RETENTION = Retention(releases=2, builds_s=20.0, events_s=40.0, grace_s=5.0)


KEEPER_S_MAX = 2.0
"""How soon the keeper starts another supervisor."""
HELD_S, STOPPED_S_MAX = 2.0, 30.0
"""How long until a daemon notices that it was outlived; how long a process stands still."""


class SimLog:
    """Takes the loop's log. What the loop calls a bug, the simulation calls a violation."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def info(self, event: str, **_: Any) -> None:
        """Nothing to see."""

    def warning(self, event: str, **_: Any) -> None:
        """Expected: faults are about."""

    def error(self, event: str, *, exc_info: object = None, **_: Any) -> None:
        self._watch.violated(f"{event}: {exc_info!r}")

    def exception(self, event: str, **_: Any) -> None:
        self._watch.violated(event)


class SupervisorLog(logging.Handler):
    """Hears the supervisor's log. What it calls a bug is a violation."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.ERROR)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        cause, said = record.exc_info[1] if record.exc_info else None, record.getMessage()
        if isinstance(cause, OSError) and said != UNDECIDED:
            return  # the disk was full
        self._watch.violated(f"{said}: {cause!r}")


class World:
    """Everything a run needs. Build it inside a running SimLoop."""

    def __init__(self, luck: random.Random, faults: Faults | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.luck = luck
        self.faults = faults or Faults(random.Random(luck.random()))
        self.store = SimStore()
        self.machine = Machine(loop)
        self.supervisor = SimSupervisor(loop, self.machine)
        self.supervisor.strikes = lambda: self.faults.ends.strikes(on=self.faults.on)
        self.supervisor.on_death = self._supervisor_died
        self.edge = SimEdge(loop, self.supervisor)
        self.watch = Watch(loop, self.store, self.supervisor, self.edge)
        self._ear = SupervisorLog(self.watch)
        self.lives = 0
        self.life: Life | None = None
        self.outlived: Life | None = None
        """the last that was stopped and replaced"""
        self.daemon: Loop | None = None
        self.feed: Feed | None = None
        self._stale = StaleReads(self.store, self.faults)
        self._stopped = asyncio.Event()
        self._haunting: list[asyncio.Task[None]] = []
        self._woken_s = 0.0
        self._tokens = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def wall_s(self) -> float:
        """What the machine's clock says."""
        return self.machine.wall_s()

    def set_clock(self, ahead_s: float) -> None:
        """So wrong it is from now on."""
        self.machine.clock_ahead_s = ahead_s

    async def __aenter__(self) -> "World":
        SUPERVISOR_LOG.addHandler(self._ear)
        self._task = asyncio.create_task(self._live_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        SUPERVISOR_LOG.removeHandler(self._ear)
        tasks = (self._task, *self._haunting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop_faults(self) -> None:
        """From here on everything works."""
        self.faults.on = False
        self.faults.sick.clear()

    def stop_daemon(self) -> None:
        """Its process stands still, in the middle of whatever it does; another is started."""
        if self.life is not None:
            self.life.awake.clear()
            self._stopped.set()

    @property
    def uptime(self) -> Uptime:
        return Uptime(f"boot {self.faults.boots}")

    def reboot(self) -> None:
        """The machine went down: whatever ran, the daemon too, and all that lay in memory."""
        for life in (self.life, self.outlived):
            if life is not None:
                life.died.set()
        self.faults.power_off()
        self.supervisor.reboot()
        self.edge.lose_all()

    def wake(self, app: AppId) -> None:
        """As a door does after a commit; a daemon that is down hears nothing."""
        if self.daemon is not None:
            self.daemon.wake(app)

    @contextlib.contextmanager
    def unheard(self, silent: bool) -> Generator[None]:
        """Whatever happens within is told to nobody, where `silent`."""
        self.supervisor.heard = self.edge.heard = not silent
        try:
            yield
        finally:
            self.supervisor.heard = self.edge.heard = True

    def progressing(self, unit: Unit) -> bool:
        """Does memory say that this unit is not settled, or speak of an older generation?"""
        status = self.store.rows.status.get(unit.id)
        if status is None or status.observed_generation != unit.generation:
            return True
        condition = find(status.conditions, ConditionType.PROGRESSING)
        return condition is None or condition.status

    def _supervisor_died(self) -> None:
        """Its keeper starts another."""
        self.watch.note("supervisor died")
        after_s = self.luck.random() * KEEPER_S_MAX
        asyncio.get_running_loop().call_later(after_s, self.supervisor.restart)

    # --- the daemon's lives ---------------------------------------------------------------

    async def _live_for_ever(self) -> None:
        while True:
            await self._live()
            self.watch.note("daemon died")
            await asyncio.sleep(0.05 + self.luck.random())

    async def _live(self) -> None:
        self.lives += 1
        self.store.tenure += 1
        life = Life(self.faults, self.watch.accepted, on_late=self.watch.arrives_late)
        life.on_issue = lambda verb, app, fence: self._issued(life, verb, app, fence)
        life.tenure = self.store.tenure
        footing = self._footing(life, lambda: daemon.again())
        daemon = self._daemon(life, footing)
        log = cast("Logger", SimLog(self.watch))
        feed = Feed(self.held(life), asyncio.get_running_loop().time, log)
        self.life, self.daemon, self.feed = life, daemon, feed
        collector = self._collector(life, footing.doubt)
        work = (
            *(daemon.run(), life.died.wait(), collector.run(), feed.run()),
            footing.run(),
        )
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(task) for task in work]
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((*tasks[:2], stopped), return_when=asyncio.FIRST_COMPLETED)
            if stopped.done() and not life.died.is_set():
                self.outlived = life
                self._haunting.append(asyncio.create_task(self._haunt(life, tasks)))
                tasks = []
            elif not life.died.is_set():
                self.watch.violated(f"the loop ended by itself: {tasks[0].exception()!r}")
        finally:
            self._stopped.clear()
            stopped.cancel()
            self.life = self.daemon = self.feed = None
            if tasks:
                await _end(life, tasks)

    async def _haunt(self, life: Life, tasks: list[asyncio.Task[Any]]) -> None:
        """A process that was stopped, goes on after another was started in its place, and ends
        once it has noticed."""
        life.outlived = True
        try:
            await asyncio.sleep(self.luck.random() * STOPPED_S_MAX)
            self._woken_s = self.now_s
            life.awake.set()
            self.watch.note("an outlived daemon goes on")
            await asyncio.sleep(HELD_S)
        finally:
            life.awake.set()
            await _end(life, tasks)

    def _issued(self, life: Life, verb: str, app: AppId, fence: Fence) -> None:
        if not life.outlived:
            self.watch.issued(verb, app, fence)
        elif self.now_s - self._woken_s > LOOK_AND_LEAP_S:
            self.watch.violated(f"{verb} for {app} came of a daemon that another had replaced")

    def held(self, life: Life) -> Store:
        """The store as this life of the daemon has it."""
        return cast("Store", Gated(Held(self.store, life.tenure), life, StoreError))

    def _daemon(self, life: Life, footing: Footing) -> Loop:
        return Loop(
            self.held(life),
            cast("Driver", Gated(self.supervisor, life, Transient)),
            cast("Edge", Gated(self.edge, life, Transient)),
            now=lambda: self.wall_s,
            luck=self.luck.random,
            new_token=self._new_token,
            log=cast("Logger", SimLog(self.watch)),
            settings=SETTINGS,
            reading=cast("Store", Gated(self._stale, life, StoreError)),
            uptime=self.uptime,
            ahead_s=footing.ahead_s,
        )

    def _footing(self, life: Life, again: Callable[[], None]) -> Footing:
        return Footing(
            cast("Store", Gated(Held(self.store, life.tenure), life, StoreError)),
            moment=lambda: Moment("sim", self.now_s, self.wall_s),
            ground=lambda: Ground(roomy=self.store.shut is None),
            log=cast("Logger", SimLog(self.watch)),
            on_change=lambda condition: again() if condition.status else None,
            look_s=FOOTING_S,
        )

    def _collector(self, life: Life, doubt: Callable[[], str]) -> Collector:
        """One that is in a hurry and keeps little, so that it is there when anything happens."""
        return Collector(
            self.held(life),
            cast("Driver", Gated(self.supervisor, life, Transient)),
            now=lambda: self.wall_s,
            luck=self.luck.random,
            new_token=self._new_token,
            log=cast("Logger", SimLog(self.watch)),
            doubt=doubt,
            retention=RETENTION,
            pacing=PACING,
        )

    def _new_token(self) -> str:
        self._tokens += 1
        return f"t{self._tokens}"


async def _end(life: Life, tasks: list[asyncio.Task[Any]]) -> None:
    life.died.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
