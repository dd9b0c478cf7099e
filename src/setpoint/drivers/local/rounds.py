"""Rounds: a look at what an instance is reached by, which tells nobody when it goes.

A process that ends is an event. A socket that somebody removes, a pinned namespace that somebody
unmounts, a link that somebody deletes is none, so each is looked at once per period.
"""

import asyncio
import logging
import os
from collections.abc import Callable

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId
from setpoint.model.process import Phase

log = logging.getLogger("setpoint.supervisor")

PERIOD_S = 10.0
NETWORK = "network"
"""Subject of what happened to an app's namespace, link or wall."""
CUT = "has lost its link, or its place in the wall, to an outsider"


class Rounds:
    def __init__(
        self,
        ground: Ground,
        table: Table,
        hands: Hands,
        supervisor: Supervisor,
        now_s: Callable[[], float],
    ) -> None:
        self._ground = ground
        self._table = table
        self._hands = hands
        self._supervisor = supervisor
        self._now_s = now_s
        ground.ways_out.mended = lambda app: self._mended(app, CUT)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                self.walk()
            except Exception:
                log.exception("round.broke")

    def walk(self) -> None:
        self._supervisor.heed_the_clock()
        for standing in list(self._table.sets.values()):
            self._look_at_socket(standing)
            self._look_at_relays(standing)
        self._look_at_pins()

    def _look_at_socket(self, standing: Standing) -> None:
        lost = standing.socket.lost if standing.socket is not None else ""
        if not lost or standing.facts.retiring:
            return
        subject = standing.key.process
        self._hands.drifted(standing, subject, lost)
        if self._repairs(standing):
            self._supervisor.reopen_socket(standing)

    def _look_at_relays(self, standing: Standing) -> None:
        """A relay cannot be given another socket: its instance makes room for a new one."""
        for instance in standing.facts.up:
            way, running = instance.endpoint, standing.running.get(instance.id)
            gone = way is not None and way.kind == "relay" and not os.path.exists(way.address)
            if running is None or instance.phase is not Phase.READY or not gone:
                continue
            dyno, what = running.name.dyno, "has lost its relay's socket to an outsider"
            self._hands.drifted(standing, dyno, what)
            if self._repairs(standing):
                self._hands.drain(standing, instance.id, "nobody can reach it any more")
                self._supervisor.wake(standing.key)

    def _look_at_pins(self) -> None:
        """Of apps that run; another could not join them."""
        running = dict.fromkeys(s.key.app for s in self._table.sets.values() if s.running)
        ground = self._ground
        for app in sandbox.unpinned(ground.confinement, ground.paths.runtime, running):
            try:
                ground.ways_out.prepare(AppId(app))
            except DriverError as error:
                log.warning("network.not_repaired", extra={"app": app, "why": error.message})
            else:
                self._mended(AppId(app), "has lost the pin of its namespace to an outsider")

    def _mended(self, app: AppId, what: str) -> None:
        """Walls and the ways through them stand again whatever an app's upkeep is: they keep others
        safe."""
        standings = self._table.of_app(app)
        for standing in standings[:1]:
            self._hands.drifted(standing, NETWORK, what)
        for standing in standings:
            self._hands.dial_anew(standing)
        for standing in standings[:1]:
            self._hands.repaired(standing, NETWORK, "is as it was again")

    def _repairs(self, standing: Standing) -> bool:
        return standing.effective_order.mode_at(self._now_s()) == "enforce"
