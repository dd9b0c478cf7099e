"""What can go wrong between the daemon and everything it talks to, drawn from the seed.

Every call to store, driver or edge passes one `Life`: it may be refused, be slow, lose its answer
after the effect, or be the last thing this life of the daemon does. A crash point lies before and
after each call, also while recovering from an earlier crash.

A command whose caller gave up may still arrive, but not after a later command for the same app
with the same fence: fences order generations, and within one the connection keeps the order.
"""

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from setpoint.model.errors import DriverError, StoreError, Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.observed import Seen
from setpoint.model.process import SetOrder
from setpoint.model.retention import Clearance
from setpoint.model.route import Route, RouteFacts
from setpoint.testing.edge import PART

COMMANDS = ("apply", "remove", "ensure_route", "remove_route")
"""What carries a fence."""
UNFENCED = ("exec", "stop_job")
"""A driver's commands that need none: an id is started once, whatever arrives in what order."""
LATE_S_MAX = 20.0
FOR_EVER_S = 1e9
LAG_S_MAX = 2.0


class Crash(BaseException):
    """The daemon dies here. Not an Exception: nothing in the daemon may catch it."""


@dataclass(frozen=True)
class Rates:
    """Probability per call, or per wake for `deaf`."""

    refused: float = 0.0
    lost: float = 0.0
    slow: float = 0.0
    late: float = 0.0
    stale: float = 0.0
    deaf: float = 0.0
    lagging: float = 0.0
    """a look at the world sees it as it was a moment ago"""
    halved: float = 0.0
    """of many things to clear away only half go, and then comes an error"""


@dataclass
class Deaths:
    """Points at which a process may die. `at`: numbers of those at which it does; None draws them,
    about every `gap` points. `died_at`: those that were its last."""

    luck: random.Random
    at: tuple[int, ...] | None
    gap: int
    points: int = 0
    died_at: list[int] = field(default_factory=list[int])
    _next: int = 0

    def __post_init__(self) -> None:
        self._draw_next()

    def strikes(self, *, on: bool) -> bool:
        """Count one point; is it to be the last? Never where not `on`."""
        self.points += 1
        if not on or self.points != self._next:
            if self.points >= self._next:
                self._draw_next()
            return False
        self.died_at.append(self.points)
        self._draw_next()
        return True

    def _draw_next(self) -> None:
        if self.at is None:
            self._next = self.points + self.luck.randint(1, 2 * self.gap)
        else:
            later = [n for n in self.at if n > self.points]
            self._next = min(later, default=1 << 60)


@dataclass
class Faults:
    """One run's faults, over all lives of daemon and supervisor. `on`: False once they stopped.

    `crash_at`, `crash_gap`: of the daemon's `Deaths`, at its calls to store, driver and edge;
    `end_at`, `end_gap`: of the supervisor's, at whatever it writes or does to a process.
    `strike_at`: numbers of the chances for a fault that become one; None draws them by `rates`.
    `struck`: those that did. `sick`: apps whose commands never come back.
    """

    luck: random.Random
    rates: Rates = Rates()
    crash_at: tuple[int, ...] | None = ()
    crash_gap: int = 40
    end_at: tuple[int, ...] | None = ()
    end_gap: int = 40
    strike_at: frozenset[int] | None = None
    on: bool = True
    chances: int = 0
    struck: list[int] = field(default_factory=list[int])
    sick: set[AppId] = field(default_factory=set[AppId])
    refusing: set[AppId] = field(default_factory=set[AppId])
    """whose commands come back with an error"""
    lying: set[AppId] = field(default_factory=set[AppId])
    """whose commands are said to be done, and are not"""
    seen: dict[str, tuple[float, Any]] = field(default_factory=dict[str, tuple[float, Any]])
    boots: int = 1
    """of the machine"""

    def __post_init__(self) -> None:
        self.crashes = Deaths(random.Random(self.luck.random()), self.crash_at, self.crash_gap)
        self.ends = Deaths(random.Random(self.luck.random()), self.end_at, self.end_gap)

    def strikes(self, rate: float) -> bool:
        """Count one chance for a fault; does it become one? Luck is drawn either way, so that a
        fault that is left out leaves the others where they are."""
        if not self.on or rate <= 0:
            return False
        self.chances += 1
        drawn = self.luck.random() < rate
        hits = drawn if self.strike_at is None else self.chances in self.strike_at
        if hits:
            self.struck.append(self.chances)
        return hits

    def power_off(self) -> None:
        """The machine goes down, and with it whatever is on its way."""
        self.boots += 1
        self.seen.clear()

    def later(self, method: Callable[[], Awaitable[None]]) -> None:
        """Its caller gives up; it arrives all the same, unless the machine goes down before."""
        loop, boot = asyncio.get_running_loop(), self.boots

        async def arrive() -> None:
            if self.boots == boot:
                with contextlib.suppress(DriverError):
                    await method()

        late_s = self.luck.random() * LATE_S_MAX
        loop.call_later(late_s, lambda: loop.create_task(arrive()))


@dataclass
class Life:
    """One life of the daemon. `on_issue` hears each command as it is issued, `on_late` comes right
    before one that arrives although its caller gave up.

    `accepted`: number of commands each app's drivers have accepted, and the fence of the last.
    """

    faults: Faults
    accepted: dict[AppId, tuple[int, Fence]]
    on_issue: Callable[[str, AppId, Fence], None] = lambda verb, app, fence: None
    on_late: Callable[[], None] = lambda: None
    died: asyncio.Event = field(default_factory=asyncio.Event)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    """not set while its process is stopped: it learns nothing, and what it asks goes nowhere"""
    outlived: bool = False
    """another daemon was started in its place"""
    tenure: int = 0
    """of how many that used this memory it is"""

    def __post_init__(self) -> None:
        self.awake.set()

    def point(self) -> None:
        """A crash point. Whoever calls after the end is dead too: nothing has an effect then."""
        if self.died.is_set():
            raise Crash
        if self.faults.crashes.strikes(on=self.faults.on):
            self.died.set()
            raise Crash

    async def through(
        self,
        error: type[StoreError | Transient],
        name: str,
        method: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
    ) -> Any:
        faults, rates = self.faults, self.faults.rates
        await self.awake.wait()
        self.point()
        if name in COMMANDS:
            await self._command(name, method, args)
            if fence_of(args)[0] in faults.lying:
                return None
        if name in UNFENCED and error is Transient and faults.strikes(rates.late):
            await self._late(method, args)
        if faults.strikes(rates.refused):
            raise error(f"cannot {name}: simulated outage")
        await asyncio.sleep(faults.luck.random() * 0.2 if faults.strikes(rates.slow) else 0)
        await self.awake.wait()
        if self.died.is_set():
            raise Crash
        halved = name == "clear" and faults.strikes(rates.halved)
        if name == "observe":
            result = _only(args, self._lagging(method, await method()))
        else:
            if self.outlived and name in COMMANDS:
                self.on_late()
            result = await method(*(_half(args) if halved else args))
        await self.awake.wait()
        self.point()
        if halved or faults.strikes(rates.lost):
            raise error(f"cannot {name}: simulated loss of the answer")
        return result

    def _lagging(self, method: Callable[..., Awaitable[Any]], now: Any) -> Any:
        who = getattr(method, "__qualname__", "")
        at_s = asyncio.get_running_loop().time()
        before_s, before = self.faults.seen.get(who, (at_s, now))
        self.faults.seen[who] = (at_s, now)
        if self.faults.strikes(self.faults.rates.lagging) and at_s - before_s <= LAG_S_MAX:
            return before
        return now

    async def _command(
        self, name: str, method: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        app, fence = fence_of(args)
        self.on_issue(name, app, fence)
        if app in self.faults.sick:
            await asyncio.sleep(FOR_EVER_S)
        if app in self.faults.refusing:
            raise Transient(f"cannot {name}: something is wrong with this app alone")
        if not self.faults.strikes(self.faults.rates.late):
            return
        issued = self.accepted.get(app, (0, fence))[0]
        self.faults.later(lambda: self._arrive(method, args, issued))
        await asyncio.sleep(FOR_EVER_S)

    async def _late(self, method: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        self.faults.later(lambda: method(*args))
        await asyncio.sleep(FOR_EVER_S)

    async def _arrive(
        self, method: Callable[..., Awaitable[Any]], args: tuple[Any, ...], issued: int
    ) -> None:
        """A late command reaches the driver; nobody listens for its answer any more."""
        app, fence = fence_of(args)
        count, last = self.accepted.get(app, (0, fence))
        if count > issued and last == fence:
            return
        self.on_late()
        await method(*args)


def _only(args: tuple[Any, ...], seen: Any) -> Any:
    """What was asked for, of a look at everything: only that lags as a whole."""
    (apps,) = args or (None,)
    if isinstance(seen, Seen):
        return seen.of(apps)
    return tuple(r for r in seen if apps is None or r.route.app in apps)


def _half(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A clearance that gets only so far."""
    (clearance,) = args
    assert isinstance(clearance, Clearance)
    done = clearance.removals[: len(clearance.removals) // 2]
    return (msgspec.structs.replace(clearance, removals=done),)


def fence_of(args: tuple[Any, ...]) -> tuple[AppId, Fence]:
    """Which app a command is for, and its fence."""
    match args:
        case (SetOrder() as order, *_):
            return order.key.app, order.fence
        case (Route() as route, *_):
            return route.app, route.fence
        case (SetKey() as key, Fence() as fence):
            return key.app, fence
        case (str() as app, Fence() as fence):
            return AppId(app), fence
        case _:
            raise AssertionError(f"not a command: {args!r}")


class Gated:
    """A store, driver or edge as one life of the daemon sees it: the same methods, with faults."""

    def __init__(self, inner: object, life: Life, error: type[StoreError | Transient]) -> None:
        self._inner = inner
        self._life = life
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._inner, name)

        async def call(*args: Any, **named: Any) -> Any:
            bound = functools.partial(method, **named) if named else method
            return await self._life.through(self._error, name, bound, args)

        setattr(self, name, call)
        return call

    @property
    def incarnation(self) -> int:
        """Of a store: known since it was opened."""
        inner: Any = self._inner
        return inner.incarnation

    async def everything(self) -> AsyncGenerator[tuple[RouteFacts, ...]]:
        """Of an edge: a look, after each part of which more may go wrong."""
        inner: Any = self._inner
        routes = await self._life.through(self._error, "observe", inner.observe, ())

        async def told(part: tuple[RouteFacts, ...]) -> tuple[RouteFacts, ...]:
            return part

        for start in range(0, len(routes), PART):
            part = routes[start : start + PART]
            yield await self._life.through(self._error, "everything", told, (part,))

    async def changes(self) -> AsyncIterator[AppId]:
        """Wakes get lost on the way."""
        faults = self._life.faults
        inner: Any = self._inner
        async for app in inner.changes():
            if not faults.strikes(faults.rates.deaf):
                yield app
