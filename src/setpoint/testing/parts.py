"""One life of the simulated supervisor's process: the real parts, on a simulated machine.

Orders, fences, acts, the job ledger, standing orders and the taking over from the life before are
what runs everywhere else. Its timers and its effects end with it: a point lies before and after
whatever it writes down or does to a process, and it may die there.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import uids
from setpoint.drivers.local.actlog import ActLog
from setpoint.drivers.local.adoption import Adoption
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.hub import Hub
from setpoint.drivers.local.jobs import Jobs
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.ledger import Ledger
from setpoint.drivers.local.orders import Orders
from setpoint.drivers.local.rounds import Rounds
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.formats.control import Act as ActEntry
from setpoint.formats.control import LogLine
from setpoint.model.ids import AppId, Fence, InstanceId, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.level import Level
from setpoint.model.process import Act, Drain
from setpoint.testing.ahead import NothingAhead
from setpoint.testing.disk import SimDisk
from setpoint.testing.folders import Folders
from setpoint.testing.handles import SimHandle, SimLauncher, SimRemains
from setpoint.testing.job_handles import Fate, SimJobLauncher
from setpoint.testing.machine import Machine
from setpoint.testing.networks import SimNetworks
from setpoint.testing.queues import SimQueues
from setpoint.testing.slot import Slot

log = logging.getLogger("setpoint.supervisor")


class Killed(BaseException):
    """The supervisor dies here. Not an Exception: nothing in it may catch it."""


class Pulse:
    """Timers that end with the life they belong to. `ended`: told when it dies in one of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
        self._loop = loop
        self._ended = ended
        self.beats = True

    def time(self) -> float:
        return self._loop.time()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        return self._loop.call_soon(self._run, callback, args)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any
    ) -> asyncio.TimerHandle:
        return self._loop.call_later(delay, self._run, callback, args)

    def _run(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        if not self.beats:
            return
        try:
            callback(*args)
        except Killed:
            self._ended()
        except Exception:
            log.exception("callback.broke")


class Ears:
    """Who hears what the supervisor is about to do, or has let in. `deaf`: to what it lets in."""

    def __init__(self) -> None:
        self.deaf = False
        self.act: Callable[[Slot, Act], None] = lambda slot, act: None
        self.command: Callable[[str, SetKey, Fence], None] = lambda verb, key, fence: None
        self.draining: Callable[[InstanceId], None] = lambda id: None
        self.job: Callable[[JobOrder], None] = lambda order: None
        self.entered: Callable[[JobFacts], None] = lambda facts: None
        self.acts: list[ActEntry] = []
        self.lines: list[LogLine] = []


class Parts:
    """`level`: that this machine has now. `strikes`: is this point its last? `ended`: it died."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        machine: Machine,
        folders: Folders,
        disk: SimDisk,
        ears: Ears,
        level: Callable[[], Level],
        fate: Fate,
        strikes: Callable[[], bool],
        ended: Callable[[], None],
    ) -> None:
        self._strikes = strikes
        self.pulse = Pulse(loop, ended)
        self.table = Table()
        self.hub = Hub()
        self.clock = Clock(machine.wall_s, machine.up_s)
        records = folders.at("instances", self.point)
        self.launcher = SimLauncher(machine, records, disk, level, self)
        now_s = self.clock.now_s
        self.acts = _Acts(folders.at("acts", self.point), now_s, ears)
        fences = folders.at("fences", self.point)
        kept = folders.at("supervisor", self.point)
        self.lasting = _Lasting(kept, uids.APPS, fences, self.pulse.call_later, ears)
        orders = Orders(folders.at("orders", self.point), self.clock)
        nothing = NothingAhead()
        self.hands = hands = _Hands(self.launcher, _Log(ears), self.acts, now_s, ears)
        self.queues = SimQueues(folders, self.pulse, self.point)
        self.supervisor = Supervisor(
            self.table,
            hands,
            orders,
            self.lasting,
            self.queues,
            nothing,
            nothing,
            self.hub,
            self.clock,
            self.pulse,
        )
        self.networks = SimNetworks(folders)
        self.rounds = Rounds(self.networks, self.table, hands, self.supervisor, now_s)
        self.job_launcher = SimJobLauncher(
            machine, folders.at("jobs", self.point), level, self, ears.job, fate
        )
        self.ledger = _Ledger(folders.at("ledger", self.point), self.clock, ears)
        told = self.hub.tell_app
        self.jobs = Jobs(self.job_launcher, self.ledger, _Log(ears), told, self.clock, self.pulse)
        self.adoption = Adoption(
            SimRemains(machine, records),
            self.lasting,
            self.table,
            orders,
            self.launcher,
            hands,
            self.jobs,
            nothing,
            nothing,
            self.clock,
            self.pulse,
        )

    def of(self, id: InstanceId) -> SimHandle | None:
        """Of what it has in its hands."""
        return self.launcher.live.get(id) or self.job_launcher.live.get(id)

    def point(self) -> None:
        """A crash point. Whoever has died has no effect any more. Raises Killed."""
        if not self.pulse.beats or self._strikes():
            raise Killed


class _Hands(Hands):
    def __init__(
        self, launcher: Any, logs: "_Log", acts: ActLog, now_s: Callable[[], float], ears: Ears
    ) -> None:
        super().__init__(launcher, logs, acts, now_s)
        self._ears = ears

    def carry_out(self, standing: Standing, act: Act) -> None:
        self._ears.act(Slot(standing), act)
        super().carry_out(standing, act)
        if isinstance(act, Drain):
            self._ears.draining(act.instance)


class _Lasting(Lasting):
    """Tells what its fence let through."""

    def __init__(self, kept: Any, most: int, recent: Any, later: Any, ears: Ears) -> None:
        super().__init__(kept, most, recent, later)
        self._ears = ears

    def ordered(self, key: SetKey, fence: Fence) -> None:
        super().ordered(key, fence)
        self._ears.command("apply", key, fence)

    def removed(self, key: SetKey, fence: Fence) -> None:
        super().removed(key, fence)
        self._ears.command("remove", key, fence)


class _Acts(ActLog):
    def __init__(self, folder: Any, now_s: Callable[[], float], ears: Ears) -> None:
        super().__init__(folder, now_s)
        self._ears = ears

    def record(self, key: SetKey, verb: str, subject: str, because: str, generation: int) -> None:
        super().record(key, verb, subject, because, generation)
        self._ears.acts.append(self._acts[-1])


class _Ledger(Ledger):
    def __init__(self, folder: Any, clock: Clock, ears: Ears) -> None:
        self._ears = ears
        super().__init__(folder, clock)

    def enter(self, facts: JobFacts, order: JobOrder | None = None) -> None:
        super().enter(facts, order)
        self._ears.entered(facts)


class _Log:
    """What it says of apps, for whoever looks whether it says too much."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def append(self, app: AppId, lines: Sequence[LogLine]) -> None:
        self._ears.lines += lines
