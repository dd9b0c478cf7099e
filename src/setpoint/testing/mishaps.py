"""What happens to the simulated world without anybody asking: mishaps, and outsiders at work."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec

from setpoint.model.errors import StoreFull, StoreReadOnly
from setpoint.model.ids import AppId
from setpoint.model.process import SIGKILL, Phase
from setpoint.testing import builders
from setpoint.testing.folders import EVERYWHERE
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import CAPABILITIES
from setpoint.testing.world import World

AWAY_S_MAX = 20.0
SPOILED_S_MAX = 120.0
SHUT_S_MAX = 60.0
YEAR_S = 365 * 86_400.0
KILLED_BY = 11
"""The signal that an outsider kills with."""
FEW = 2
"""How many instances a machine offers on a bad day."""


class Chaos:
    """`happen_at`: numbers of the mishaps that are to happen; None: all that are drawn.
    `happened`: those that did."""

    def __init__(
        self, world: World, luck: random.Random, happen_at: frozenset[int] | None = None
    ) -> None:
        self._world = world
        self._luck = luck
        self._happen_at = happen_at
        self._drawn = 0
        self.happened: list[int] = []
        everything: dict[str, Callable[[], Any]] = {
            "kill": self._kill,
            "unroute": self._unroute,
            "supervisor dies": self._supervisor_dies,
            "edge away": self._edge_away,
            "reboot": world.reboot,
            "orphan": self._orphan,
            "offers less": self._offer_less,
            "lose set": self._lose_set,
            "reroute": self._reroute,
            "sick": self._sicken,
            "spoil": self._spoil,
            "alter": self._alter,
            "murder": self._murder,
            "stand still": self._world.stop_daemon,
            "store shut": self._shut,
            "clock jumps": self._jump,
            "wipe": self._wipe,
            "disk full": self._fill,
        }
        kinds = luck.sample(sorted(everything), k=luck.randint(0, 4))
        self._kinds = [everything[kind] for kind in kinds]

    async def act(self) -> None:
        """A few requests, and sometimes a mishap of this run's kinds."""
        for app in list(self._world.edge.routes):
            if self._luck.random() < 0.5:
                self._world.edge.request(app, self._luck.choice(("web", "greet")))
        if self._kinds and self._luck.random() < 0.3:
            mishap = self._luck.choice(self._kinds)
            self._drawn += 1
            if self._happen_at is None or self._drawn in self._happen_at:
                self.happened.append(self._drawn)
                mishap()

    def stop(self) -> None:
        """Everything that was taken away is back."""
        self._edge_back()
        self._supervisor_back()
        self._offer_all()
        self._heal()
        self._open()
        self._set_right()
        self._make_room()

    def _kill(self) -> None:
        running = self._world.machine.running
        if running:
            self._world.machine.end(self._luck.choice(running), 128 + KILLED_BY)

    def _murder(self) -> None:
        """Of what is known to be ready, and by the signal that tells an outsider's doing."""
        slots = self._world.supervisor.slots.values()
        ready = [i.id for s in slots for i in s.instances.values() if i.phase is Phase.READY]
        if ready:
            self._world.machine.end(self._luck.choice(ready), 128 + SIGKILL)

    def _alter(self) -> None:
        """An outsider writes to a file of what something runs on."""
        codes = sorted({slot.order.spec.code for slot in self._world.supervisor.slots.values()})
        if codes and self._world.supervisor.up:
            self._world.supervisor.alter(self._luck.choice(codes))

    def _unroute(self) -> None:
        routed = sorted(self._world.edge.routes)
        if routed:
            self._world.edge.lose(self._luck.choice(routed))

    def _supervisor_dies(self) -> None:
        if self._world.supervisor.up:
            self._world.supervisor.crash()
            self._later(self._supervisor_back)

    def _supervisor_back(self) -> None:
        if not self._world.supervisor.up:
            self._world.supervisor.restart()

    def _edge_away(self) -> None:
        self._world.edge.up = False
        self._later(self._edge_back)

    def _edge_back(self) -> None:
        self._world.edge.up = True

    def _orphan(self) -> None:
        """A set of an app that memory does not know, as after restoring an old backup."""
        app = AppId(f"orphan-{self._luck.randint(0, 1)}")
        self._world.supervisor.plant(builders.order(app=app, code=PROGRAMS[0].digest))

    def _offer_less(self) -> None:
        """A capability flaps: what was granted a moment ago cannot be had now."""
        less: dict[str, object] = self._luck.choice(
            ({"instances_max": FEW}, {"level": "L2"}, {"regions": ("elsewhere",)})
        )
        offers = msgspec.structs.replace(CAPABILITIES, **less)
        self._world.supervisor.capabilities = offers
        self._later(self._offer_all)

    def _offer_all(self) -> None:
        self._world.supervisor.capabilities = CAPABILITIES

    def _lose_set(self) -> None:
        """An outsider kills a set's processes and takes its order off the record."""
        if self._world.supervisor.slots and self._world.supervisor.up:
            self._world.supervisor.lose(self._luck.choice(sorted(self._world.supervisor.slots)))

    def _reroute(self) -> None:
        """An outsider takes a target out of a route, which stands otherwise."""
        routed = sorted(self._world.edge.routes)
        if routed:
            self._world.edge.spoil(self._luck.choice(routed))

    def _wipe(self) -> None:
        """An outsider removes what the supervisor has on record; nothing else ends."""
        if self._world.supervisor.up:
            self._world.supervisor.wipe()

    def _fill(self) -> None:
        """The supervisor can write nothing down, or nothing that is to last, or nothing else."""
        where = self._luck.choice((None, *EVERYWHERE))
        self._world.supervisor.fill_disk(full=True, where=(where,) if where else EVERYWHERE)
        self._later(self._make_room)

    def _make_room(self) -> None:
        self._world.supervisor.fill_disk(full=False)

    def _sicken(self) -> None:
        """Commands for one app never come back; those for others do."""
        apps = sorted(self._world.store.rows.units)
        if apps:
            self._world.faults.sick.add(self._luck.choice(apps))
            self._later(self._heal)

    def _spoil(self) -> None:
        """One app's intent cannot be read, for longer than orphans are left alone."""
        apps = sorted(self._world.store.rows.units)
        if apps:
            self._world.store.spoiled.add(self._luck.choice(apps))
            self._later(self._heal, SPOILED_S_MAX)

    def _shut(self) -> None:
        """The store takes no writes: its disk is full, or read-only."""
        error = self._luck.choice((StoreFull, StoreReadOnly))
        self._world.store.shut = error("cannot write to the store: simulated")
        self._later(self._open, SHUT_S_MAX)

    def _open(self) -> None:
        self._world.store.shut = None

    def _jump(self) -> None:
        """Somebody sets the machine's clock, and right again after a while."""
        self._world.set_clock(self._luck.choice((YEAR_S, -YEAR_S, 3600.0, -3600.0)))
        self._later(self._set_right, SHUT_S_MAX)

    def _set_right(self) -> None:
        self._world.set_clock(0.0)

    def _heal(self) -> None:
        self._world.faults.sick.clear()
        self._world.store.spoiled.clear()

    def _later(self, back: Callable[[], None], within_s: float = AWAY_S_MAX) -> None:
        asyncio.get_running_loop().call_later(self._luck.random() * within_s, back)
