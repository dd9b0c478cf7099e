"""The simulated world as a rehearsal uses it: faults come when the script says so, not by chance.

Loop, planner, applier, standing orders and collector are the real ones, with the settings that
a running Setpoint has.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from logging import Logger
from typing import Any, Literal, cast

from setpoint.converge.collector import Collector
from setpoint.converge.footing import Footing
from setpoint.converge.loop import Loop
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import Unit
from setpoint.model.errors import StoreError, Transient
from setpoint.model.retention import DEFAULTS
from setpoint.store.port import Store
from setpoint.testing.faults import Crash, Gated, Life
from setpoint.testing.world import SimLog, World

METHODS = {
    "apply": "ensure-processes",
    "remove": "remove-processes",
    "ensure_route": "ensure-route",
    "remove_route": "remove-route",
    "build": "start-build",
    "exec": "start-job",
    "stop_job": "stop-job",
    "drop": "forget-app",
}
"""Which call carries which step out."""
RESTART_S = 0.5
"""How soon the keeper starts a daemon again that ended by itself."""


@dataclass
class Trap:
    """Waits for the next `left` calls that carry out `verb`."""

    verb: str
    how: Literal["refused", "lost", "slow", "before", "after"]
    left: int = 1
    slow_s: float = 0.0
    down_s: float = RESTART_S


class Stage(World):
    """`on_note` hears what befalls the plane itself; `hears`: puts an ear to the daemon's store."""

    def __init__(self, luck: random.Random) -> None:
        super().__init__(luck)
        self.on_note: Callable[[str], None] = lambda what: None
        self.hears: Callable[[Store], Store] = lambda store: store
        self.traps: list[Trap] = []
        self.away = 0
        """how many of the plane's parts are away, and will be back"""
        self._down_s = RESTART_S

    def named(self, name: str) -> Unit | None:
        return next((u for u in self.store.rows.units.values() if u.name == name), None)

    # --- what the script does to it ---------------------------------------------------------

    def kill_daemon(self, down_s: float) -> None:
        if self.life is not None:
            self._down_s = down_s
            self.life.died.set()

    def kill_supervisor(self, down_s: float) -> None:
        if self.supervisor.up:
            self.supervisor.crash()
            self.on_note("the supervisor died; its instances run on")
            self._later(down_s, self._supervisor_back)

    def take_edge(self, down_s: float) -> None:
        if self.edge.up:
            self.edge.up = False
            self.on_note("the edge is away; its routes stand")
            self._later(down_s, self._edge_back)

    def reboot(self) -> None:
        super().reboot()
        self.on_note("the machine rebooted: no instance, no order and no route is left")

    def read_stale(self, share: float) -> None:
        self.faults.rates = replace(self.faults.rates, stale=share)

    def heal(self) -> None:
        self.traps.clear()
        self.read_stale(0.0)
        self.set_clock(0.0)
        self._supervisor_back()
        self._edge_back()

    def _supervisor_back(self) -> None:
        if not self.supervisor.up:
            self.supervisor.restart()
            self.on_note("the supervisor is back, and has adopted what runs")

    def _edge_back(self) -> None:
        if not self.edge.up:
            self.edge.up = True
            self.on_note("the edge is back")

    def _later(self, after_s: float, back: Callable[[], None]) -> None:
        self.away += 1

        def come_back() -> None:
            self.away -= 1
            back()

        asyncio.get_running_loop().call_later(after_s, come_back)

    # --- the daemon's lives -----------------------------------------------------------------

    async def _live_for_ever(self) -> None:
        while True:
            await self._live()
            self.away += 1
            down_s, self._down_s = self._down_s, RESTART_S
            self.on_note("the daemon died")
            await asyncio.sleep(down_s)
            self.away -= 1
            self.on_note("the daemon is back")

    def _daemon(self, life: Life, footing: Footing) -> Loop:
        store = cast("Store", Gated(self.hears(cast("Store", self.store)), life, StoreError))
        return Loop(
            store,
            cast(
                "Driver", Gated(Trapped(self.supervisor, self.traps, life, self), life, Transient)
            ),
            cast("Edge", Gated(Trapped(self.edge, self.traps, life, self), life, Transient)),
            now=lambda: self.wall_s,
            luck=self.luck.random,
            new_token=self._new_token,
            log=cast("Logger", SimLog(self.watch)),
            reading=cast("Store", Gated(self.hears(cast("Store", self._stale)), life, StoreError)),
            uptime=self.uptime,
            ahead_s=footing.ahead_s,
        )

    def _collector(self, life: Life, doubt: Callable[[], str]) -> Collector:
        return Collector(
            cast("Store", Gated(self.store, life, StoreError)),
            cast("Driver", Gated(self.supervisor, life, Transient)),
            now=lambda: self.wall_s,
            luck=self.luck.random,
            new_token=self._new_token,
            log=cast("Logger", SimLog(self.watch)),
            doubt=doubt,
            retention=DEFAULTS,
        )


class Trapped:
    """A driver or edge whose next calls of a kind may go wrong, as the script has it."""

    def __init__(self, inner: object, traps: list[Trap], life: Life, stage: Stage) -> None:
        self._inner = inner
        self._traps = traps
        self._life = life
        self._stage = stage

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)
        if name not in METHODS:
            return method

        async def call(*args: Any, **named: Any) -> Any:
            trap = next((t for t in self._traps if t.verb == METHODS[name]), None)
            if trap is None:
                return await method(*args, **named)
            return await self._spring(trap, lambda: method(*args, **named))

        return call

    async def _spring(self, trap: Trap, go_on: Callable[[], Awaitable[Any]]) -> Any:
        trap.left -= 1
        if trap.left == 0:
            self._traps.remove(trap)
        match trap.how:
            case "refused":
                raise Transient(f"cannot carry out {trap.verb}: refused, as rehearsed")
            case "before":
                self._die(trap)
            case "slow":
                await asyncio.sleep(trap.slow_s)
            case "lost" | "after":
                pass
        result = await go_on()
        if trap.how == "after":
            self._die(trap)
        if trap.how == "lost":
            raise Transient(f"cannot tell what came of {trap.verb}: the answer was lost")
        return result

    def _die(self, trap: Trap) -> None:
        self._stage.kill_daemon(trap.down_s)
        raise Crash
