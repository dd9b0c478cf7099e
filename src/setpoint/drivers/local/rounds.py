"""Rounds: a look at what an instance is reached by, which tells nobody when it goes.

A process that ends is an event. A socket that somebody removes, a pinned namespace that somebody
unmounts, a link that somebody deletes is none, so each is looked at once per period.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

from setpoint.drivers.local import facts as change
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.seams import Networks
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
PIN = "has lost the pin of its namespace to an outsider"
T = TypeVar("T")


class Rounds:
    def __init__(
        self,
        networks: Networks,
        table: Table,
        hands: Hands,
        supervisor: Supervisor,
        now_s: Callable[[], float],
    ) -> None:
        self._networks = networks
        self._table = table
        self._hands = hands
        self._supervisor = supervisor
        self._now_s = now_s
        networks.mend = lambda app: self._mend(app, CUT)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            self._alone(Supervisor.heed_the_clock, self._supervisor)
            self.walk()

    def walk(self) -> None:
        apps: dict[AppId, list[Standing]] = {}
        for standing in list(self._table.sets.values()):
            apps.setdefault(standing.key.app, []).append(standing)
            self._alone(self._look_at_socket, standing)
            self._alone(self._look_at_relays, standing)
        for standings in apps.values():
            self._alone(self._look_at_network, standings)

    def _alone(self, look: Callable[[T], None], at: T) -> None:
        """What goes wrong there keeps nobody from looking elsewhere."""
        try:
            look(at)
        except Exception:
            log.exception("round.broke")

    def _look_at_socket(self, standing: Standing) -> None:
        lost = standing.socket.lost if standing.socket is not None else ""
        if not lost or standing.facts.retiring:
            return
        subject = standing.key.process
        self._hands.drifted(standing, subject, lost)
        self._supervisor.wake(standing.key)
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

    def _look_at_network(self, standings: list[Standing]) -> None:
        """Of an app that runs; another could not join it. And what could not be mended before."""
        app = standings[0].key.app
        if any(s.running for s in standings) and self._networks.unpinned((app,)):
            self._mend(app, PIN)
        elif _is_cut(standings):
            self._mend(app, CUT)

    def _mend(self, app: AppId, what: str) -> None:
        """Walls and the ways through them stand again whatever an app's upkeep is: they keep others
        safe. What cannot be mended is told, and tried again."""
        standings = self._table.of_app(app)
        for standing in standings[:1] if not _is_cut(standings) else ():
            self._hands.drifted(standing, NETWORK, what)
        failing = self._prepared(app)
        for standing in standings:
            if failing:
                self._hands.unmended(standing, NETWORK, failing)
            else:
                self._hands.dial_anew(standing)
                self._hands.repaired(standing, NETWORK, "is as it was again")
            self._supervisor.wake(standing.key)

    def _prepared(self, app: AppId) -> str:
        """'', else why it cannot be."""
        try:
            self._networks.prepare(app)
        except (DriverError, OSError) as error:
            log.warning("wall.not_mended", extra={"app": app, "why": str(error)})
            return str(error)
        log.warning("wall.mended", extra={"app": app})
        return ""

    def _repairs(self, standing: Standing) -> bool:
        return standing.effective_order.mode == "enforce"


def _is_cut(standings: Iterable[Standing]) -> bool:
    return any(change.adrift_since_s(s.facts, NETWORK) is not None for s in standings)
