"""What all of it stands on: a store that takes writes, and a clock that does not jump.

Trouble with either is no app's. It is said of the installation, for as long as it lasts, and ends
by itself: the store is tried again and again, and a new time counts once it has stood for a day.
"""

import asyncio
from collections.abc import Callable
from logging import Logger

from setpoint.model.clock import Jump, Mark, Moment
from setpoint.model.condition import InstallationCondition, InstallationType
from setpoint.model.errors import OpenAnew, SetpointError, StoreError, StoreFull
from setpoint.model.retention import Ground
from setpoint.planning import clock, installation
from setpoint.store.port import Store

LOOK_S = 2.0
QUIET_S = 10.0
"""So long nobody was refused for another reason than room, until the store is said to be well."""
MARK_S = 3600.0
"""How often the time is written down where nothing happens: the next life compares with it."""
CHANGED = "installation.changed"


class Footing:
    """`moment`: now. `ground`: of the disk that the store lies on. `on_change`: called with the
    condition that flipped."""

    def __init__(
        self,
        store: Store,
        *,
        moment: Callable[[], Moment],
        ground: Callable[[], Ground],
        log: Logger,
        on_change: Callable[[InstallationCondition], None] = lambda condition: None,
        look_s: float = LOOK_S,
    ) -> None:
        self._store = store
        self._moment = moment
        self._ground = ground
        self._log = log
        self._on_change = on_change
        self._look_s = look_s
        self._mark: Mark | None = None
        self._marked_up_s = float("-inf")
        self._refusal: StoreError | None = None
        self._refused_up_s = float("-inf")
        self._store_since_s = self._clock_since_s = moment().wall_s

    @property
    def conditions(self) -> tuple[InstallationCondition, ...]:
        return self._of_store(), self._of_clock()

    def doubt(self) -> str:
        """Why nothing is to be called old now, or ''. The clocks are read as it is asked: one that
        jumped since the last look is not believed either."""
        if self._mark is None:
            return "nobody has looked at the clock yet"
        return clock.doubt(clock.follow(self._mark, self._moment()).jump)

    def ahead_s(self) -> float | None:
        """How far a clock that is not believed is ahead, as it is asked; None: nobody has looked at
        it yet."""
        if self._mark is None:
            return None
        return clock.ahead_s(clock.follow(self._mark, self._moment()).jump)

    async def run(self) -> None:
        """Until cancelled. Raises OpenAnew once a store that was read-only can be written."""
        while True:
            try:
                await self.look()
            except OpenAnew:
                raise
            except SetpointError as error:
                self._log.warning("footing.unknown", extra={"error": str(error)})
            await asyncio.sleep(self._look_s)

    async def look(self) -> None:
        """Raises StoreError where memory cannot be read."""
        await self._follow_clock()
        await self._try_store()

    # --- the clock ------------------------------------------------------------------------------

    @property
    def _jump(self) -> Jump | None:
        return self._mark.jump if self._mark is not None else None

    def _of_clock(self) -> InstallationCondition:
        return installation.clock_steady(self._jump, self._clock_since_s)

    async def _follow_clock(self) -> None:
        before, now = self._mark or await self._store.marked(), self._moment()
        known = before.jump if before is not None else None
        if self._mark is None and known is not None:  # the last life has told of it
            self._clock_since_s = known.at_s
        self._mark = clock.follow(before, now)
        if _by(self._jump) != _by(known):
            self._clock_since_s = now.wall_s
            await self._told(self._of_clock())
        if _by(self._jump) != _by(known) or now.up_s - self._marked_up_s >= MARK_S:
            await self._keep_mark()

    async def _keep_mark(self) -> StoreError | None:
        """Why it was not kept."""
        assert self._mark is not None
        try:
            await self._store.mark(self._mark)
        except OpenAnew:
            raise
        except StoreError as error:
            return error
        self._marked_up_s = self._mark.moment.up_s
        return None

    # --- the store ------------------------------------------------------------------------------

    def _of_store(self) -> InstallationCondition:
        return installation.store_writable(self._refusal, self._store_since_s)

    async def _try_store(self) -> None:
        """Nothing where all is well. A mark is small, and is kept where a Change is not: on a full
        disk until there is room, on one that fails until nobody was refused for a while."""
        new, ground, up_s = await self._store.refusal(), self._ground(), self._moment().up_s
        refused = new or self._refusal
        if refused is None and ground.writable:
            return
        if type(new) is StoreError:
            self._refused_up_s = up_s
        if (error := await self._keep_mark()) is not None:
            await self._say(installation.refusal(error, ground))
        else:
            full = isinstance(refused, StoreFull) and not ground.roomy
            failing = type(refused) is StoreError and up_s - self._refused_up_s < QUIET_S
            await self._say(refused if full or failing else None)

    async def _say(self, refusal: StoreError | None) -> None:
        was, self._refusal = self._refusal, refusal
        if (was is None) != (refusal is None):
            self._store_since_s = self._moment().wall_s
            await self._told(self._of_store())

    async def _told(self, condition: InstallationCondition) -> None:
        """To the log, to who watches if that can be written, and to who waits for it."""
        facts = {"condition": condition.type, "status": condition.status}
        level = self._log.info if condition.status else self._log.warning
        level(CHANGED, extra={**facts, "reason": condition.reason, "why": condition.message})
        self._on_change(condition)
        if condition.type is InstallationType.STORE_WRITABLE and not condition.status:
            return
        try:
            await self._store.tell(CHANGED, **facts, reason=condition.reason)
        except StoreError as error:
            self._log.warning("installation.untold", extra={"error": error.message})


def _by(jump: Jump | None) -> float:
    return jump.by_s if jump is not None else 0.0
