"""The simulated supervisor: a Driver that carries out the real `planning.standing.decide`.

It may die: what it knew in memory is lost, its processes live on, and the next one adopts them
from its records, as the real one does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import assert_never

import msgspec

from setpoint.formats.control import Act as ActEntry
from setpoint.model.capability import Capabilities
from setpoint.model.errors import Terminal, Transient
from setpoint.model.ids import AppId, BuildId, Digest, Fence, InstanceId, JobId, SetKey
from setpoint.model.job import JobOrder
from setpoint.model.level import at_least
from setpoint.model.observed import Seen
from setpoint.model.process import (
    Act,
    Drain,
    Exit,
    GiveUp,
    Instance,
    Kill,
    Phase,
    SetFacts,
    SetOrder,
    Start,
    Stop,
)
from setpoint.model.release import BuildRequest
from setpoint.model.retention import Clearance, Cleared, Stock
from setpoint.planning import standing
from setpoint.testing.builds import SimBuilds
from setpoint.testing.disk import SimDisk
from setpoint.testing.jobs import SimJobs
from setpoint.testing.machine import Machine
from setpoint.testing.programs import BREAKING, BY_DIGEST
from setpoint.testing.slot import Slot, probed

CAPABILITIES = Capabilities(
    level="L3",
    stack="sim-stack",
    python="/usr/bin/python3",
    memory_bytes=8 * 1024**3,
    instances_max=20,
    limits=True,
    egress="public",
)


class SimSupervisor:
    """Implements drivers.ports.Driver.

    `on_act` is told every act before it is carried out, `on_command` every apply and remove that
    its fence let through.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, machine: Machine) -> None:
        self._loop = loop
        self._machine = machine
        machine.on_change = self._seen
        self.up = True
        self.heard = True
        self.capabilities = CAPABILITIES
        self.slots: dict[SetKey, Slot] = {}
        self.fences: dict[tuple[AppId, str], Fence] = {}
        self.act_log: list[ActEntry] = []
        self.dropped: set[AppId] = set()
        self.on_act: Callable[[Slot, Act], None] = lambda slot, act: None
        self.on_command: Callable[[str, SetKey, Fence], None] = lambda verb, key, fence: None
        self.on_draining: Callable[[InstanceId], None] = lambda id: None
        self.on_drop: Callable[[AppId], None] = lambda app: None
        self.on_build: Callable[[BuildRequest], None] = lambda request: None
        self.disk = SimDisk(loop)
        self.disk.on_laid = self._laid_again
        self.builds = SimBuilds(loop, self.disk, self._tell)
        self.jobs = SimJobs(loop, machine, self._tell)
        self._started = 0
        self._owner: dict[InstanceId, SetKey] = {}
        self._poked: set[SetKey] = set()
        self._watchers: dict[asyncio.Queue[AppId | None], None] = {}

    # --- the port -------------------------------------------------------------------------

    async def probe(self) -> Capabilities:
        self._answer()
        return self.capabilities

    async def apply(self, order: SetOrder, environment: Mapping[str, str]) -> None:
        self._answer()
        self._check_fence(order.key, order.fence)
        self.on_command("apply", order.key, order.fence)
        slot = self.slots.get(order.key)
        if slot is None:
            slot = self.slots[order.key] = Slot(order, dict(environment))
        elif order != slot.order or slot.retiring:
            if (order.bounds, order.attempts_max) != (slot.order.bounds, slot.order.attempts_max):
                slot.gave_up, slot.failures = False, 0
            slot.lost = 0 if order.fence > slot.order.fence else slot.lost
            slot.order, slot.environment, slot.retiring = order, dict(environment), False
            for id in list(slot.instances):
                self._look_at(id)
        self._poke(order.key)

    async def remove(self, key: SetKey, fence: Fence) -> None:
        self._answer()
        self._check_fence(key, fence)
        self.on_command("remove", key, fence)
        slot = self.slots.get(key)
        if slot is not None:
            slot.retiring = True
            self._poke(key)

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        self._answer()
        seen = Seen(
            tuple(s.facts for s in self.slots.values()),
            tuple(self.builds.facts.values()),
            tuple(known.facts for known in self.jobs.ledger.values()),
            tuple(self.disk.altered.values()),
        )
        return seen.of(only)

    async def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        self._answer()
        self.jobs.exec(order, environment)

    async def stop_job(self, app: AppId, id: JobId) -> None:
        self._answer()
        self.jobs.stop(app, id)

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        self._answer()
        self.on_build(request)
        self.builds.start(request, self.capabilities.python)

    async def drop(self, app: AppId) -> None:
        self._answer()
        self.on_drop(app)
        self.dropped.add(app)
        self.builds.drop(app)

    async def stock(self) -> Stock:
        self._answer()
        return self.disk.stock()

    async def clear(self, clearance: Clearance) -> Cleared:
        self._answer()
        cleared = self.disk.clear(clearance, busy=self.builds.busy)
        for removal in cleared.gone:
            self.builds.facts.pop(BuildId(removal.name), None)
        return cleared

    async def acts(self, after: int) -> tuple[ActEntry, ...]:
        self._answer()
        return tuple(self.act_log[after:])

    async def changes(self) -> AsyncIterator[AppId]:
        self._answer()
        queue: asyncio.Queue[AppId | None] = asyncio.Queue()
        self._watchers[queue] = None
        try:
            for app in sorted({key.app for key in self.slots}):
                yield app
            while (app := await queue.get()) is not None:
                yield app
            raise Transient("cannot watch the supervisor: it went away")
        finally:
            self._watchers.pop(queue, None)

    # --- what happens to it ---------------------------------------------------------------

    def crash(self) -> None:
        """Its memory is gone; processes and records are not."""
        self.up = False
        for watcher in self._watchers:
            watcher.put_nowait(None)
        for slot in self.slots.values():
            slot.waiting = 0
            if slot.timer is not None:
                slot.timer.cancel()

    def restart(self) -> None:
        """Adopt what its records name and still runs, and notice what ended meanwhile."""
        self.up = True
        self.jobs.look()
        for key, slot in list(self.slots.items()):
            for id in list(slot.instances):
                self._look_at(id)
            self._look_at_footing(slot)
            self._poke(key)
            self._tell(key.app)

    def reboot(self) -> None:
        """The machine went down: orders and routes lived in memory; fences are on disk."""
        for slot in self.slots.values():
            if slot.timer is not None:
                slot.timer.cancel()
        apps = {key.app for key in self.slots}
        self.slots.clear()
        self._owner.clear()
        self._machine.power_off()
        self.jobs.power_off()
        self.builds.power_off()
        for app in sorted(apps):
            self._tell(app)

    def lose(self, key: SetKey) -> None:
        """Somebody else killed its processes and wiped what was known of it."""
        slot = self.slots.pop(key)
        if slot.timer is not None:
            slot.timer.cancel()
        for id in slot.instances:
            del self._owner[id]
            self._machine.end(id, 137)
            self._machine.reap(id)
        self._tell(key.app)

    def alter(self, code: Digest) -> None:
        """An outsider lays hands on a layer; whoever runs on it is told."""
        self.disk.alter(code)
        for key, slot in self.slots.items():
            if slot.order.spec.code == code:
                self._tell(key.app)

    def plant(self, order: SetOrder) -> None:
        """A set appears that nobody here ordered."""
        if self.up and order.key not in self.slots:
            self.slots[order.key] = Slot(order, {})
            self._poke(order.key)

    def take_up(self, order: SetOrder, facts: SetFacts) -> None:
        """A set that was ordered before this world was; its instances run on the machine."""
        self.slots[order.key] = Slot(
            order=order,
            environment={},
            instances={i.id: i for i in facts.live},
            failures=facts.failures,
            crashes=facts.crashes,
            last_exit=facts.last_exit,
            last_used_s=facts.last_used_s,
            ever_ready=facts.ever_ready,
            gave_up=facts.gave_up,
            retiring=facts.retiring,
        )
        self._owner |= {i.id: order.key for i in facts.live}
        known = self.fences.get((order.key.app, order.key.process), facts.fence)
        self.fences[order.key.app, order.key.process] = max(known, facts.fence)
        self._poke(order.key)

    def want(self, key: SetKey) -> None:
        """A request arrived for this set."""
        slot = self.slots.get(key)
        if slot is None or not self.up:
            return
        slot.last_used_s = self._loop.time()
        if not slot.ready:
            slot.waiting += 1
        else:
            self._hand_on(slot)
        self._poke(key)

    def _hand_on(self, slot: Slot) -> None:
        """To the one that has the least to do."""
        ready = (i.id for i in slot.instances.values() if i.phase is Phase.READY)
        least = min(ready, key=lambda id: (self._machine.in_hand(id), id))
        if least in self._machine.procs:
            self._machine.request(least, BY_DIGEST[slot.order.spec.code].answer_s)

    def drained(self, id: InstanceId) -> None:
        """The edge confirmed: no new request can reach it."""
        key = self._owner.get(id)
        if key is None or not self.up:
            return
        slot = self.slots[key]
        slot.instances[id] = msgspec.structs.replace(slot.instances[id], drained=True)
        self._poke(key)

    def in_hand(self, id: InstanceId) -> int:
        """Requests that one of its processes has not answered yet."""
        return self._machine.in_hand(id)

    # --- facts ----------------------------------------------------------------------------

    def _answer(self) -> None:
        if not self.up:
            raise Transient("cannot reach the supervisor: it is down")

    def _check_fence(self, key: SetKey, fence: Fence) -> None:
        highest = self.fences.get((key.app, key.process))
        if highest is not None and fence < highest:
            raise Terminal(f"cannot obey generation {fence}: {highest} was seen already")
        self.fences[key.app, key.process] = fence

    def _seen(self, id: InstanceId) -> None:
        if self.up and self.jobs.owns(id):
            self.jobs.look()
        if self.up and id in self._owner:
            self._look_at(id)

    def _look_at(self, id: InstanceId) -> None:
        key = self._owner[id]
        slot, proc = self.slots[key], self._machine.procs.get(id)
        instance = slot.instances[id]
        if proc is None or proc.code is not None:
            self._ended(slot, instance, 137 if proc is None or proc.code is None else proc.code)
        elif proc.ready and instance.phase is Phase.STARTING:
            slot.last_probe = probed(slot, proc)
            if slot.last_probe is None:
                slot.instances[id] = msgspec.structs.replace(
                    instance, phase=Phase.READY, ready_at_s=self._loop.time()
                )
                slot.ever_ready, slot.failures, slot.waiting = True, 0, 0
        self._tell(key.app)
        self._poke(key)

    def _ended(self, slot: Slot, instance: Instance, code: int) -> None:
        now_s = self._loop.time()
        asked = instance.phase in (Phase.DRAINING, Phase.STOPPING)
        late = instance.phase is Phase.STARTING and code == 137
        slot.last_exit = Exit(code, now_s, expected=asked, timed_out=late)
        slot.lost += slot.last_exit.from_outside
        if not asked:
            ready_at = instance.ready_at_s
            steady = ready_at is not None and now_s - ready_at >= standing.STEADY_S
            slot.crashes = 1 if steady else slot.crashes + 1
            slot.failures += ready_at is None
        del slot.instances[instance.id]
        del self._owner[instance.id]
        self._machine.reap(instance.id)

    def _tell(self, app: AppId) -> None:
        if self.up and self.heard:
            for watcher in self._watchers:
                watcher.put_nowait(app)

    def _laid_again(self, code: Digest) -> None:
        for slot in self.slots.values():
            if self.up and slot.order.spec.code == code:
                self._look_at_footing(slot)

    def _look_at_footing(self, slot: Slot) -> None:
        """Processes go on in the folder that they began in."""
        laid = self.disk.laid[slot.order.spec.code]
        for id, instance in slot.instances.items():
            proc = self._machine.procs.get(id)
            if proc is not None and proc.footing != laid:
                slot.instances[id] = msgspec.structs.replace(instance, outdated=True)
        self._poke(slot.order.key)

    # --- standing orders ------------------------------------------------------------------

    def _poke(self, key: SetKey) -> None:
        if key not in self._poked:
            self._poked.add(key)
            self._loop.call_soon(self._decide, key)

    def _decide(self, key: SetKey) -> None:
        self._poked.discard(key)
        slot = self.slots.get(key)
        if slot is None or not self.up:
            return
        if slot.retiring and not slot.instances:
            del self.slots[key]
            self._tell(key.app)
            return
        for id, instance in slot.instances.items():
            count = self._machine.in_hand(id) if instance.phase is Phase.DRAINING else 0
            slot.instances[id] = msgspec.structs.replace(instance, in_hand=count)
        decided = standing.decide(slot.order, slot.facts, self._loop.time())
        for act in decided.acts:
            self._carry_out(slot, act)
        if slot.timer is not None:
            slot.timer.cancel()
        again_s = decided.look_again_s
        slot.timer = None if again_s is None else self._loop.call_later(again_s, self._poke, key)
        if decided.acts:
            self._tell(key.app)
            self._poke(key)

    def _carry_out(self, slot: Slot, act: Act) -> None:
        self.on_act(slot, act)
        self._record(slot, act)
        match act:
            case Start():
                self._start(slot, act.ordinal)
            case Drain():
                self._stopping(slot, act.instance, Phase.DRAINING)
                self.on_draining(act.instance)
            case Stop():
                self._stopping(slot, act.instance, Phase.STOPPING)
                self._machine.term(act.instance)
            case Kill():
                self._machine.end(act.instance, 137)
            case GiveUp():
                slot.gave_up = True
            case _:
                assert_never(act)

    def _start(self, slot: Slot, ordinal: int) -> None:
        self._started += 1
        key, now_s = slot.order.key, self._loop.time()
        id = InstanceId(f"{key.process}.{ordinal}-{self._started:06d}")
        self._owner[id] = key
        slot.instances[id] = Instance(id, ordinal, Phase.STARTING, now_s)
        slot.last_probe, slot.lost = None, max(0, slot.lost - 1)
        program = BY_DIGEST[slot.order.spec.code]
        fate = "exits" if slot.environment.get(BREAKING) else program.fate
        self._machine.start(id, program.boot_s, fate, program.stop_s, program.errs_s)
        self._machine.procs[id].footing = self.disk.laid[slot.order.spec.code]
        wanted = slot.order.level_min
        if wanted is not None and not at_least(self.capabilities.level, wanted):
            self._machine.end(id, 126)  # as a start that is refused

    def _stopping(self, slot: Slot, id: InstanceId, phase: Phase) -> None:
        slot.instances[id] = msgspec.structs.replace(
            slot.instances[id], phase=phase, stop_at_s=self._loop.time()
        )

    def _record(self, slot: Slot, act: Act) -> None:
        key, order = slot.order.key, slot.order
        subject = act.instance if isinstance(act, Drain | Stop | Kill) else key.process
        self.act_log.append(
            ActEntry(
                seq=len(self.act_log) + 1,
                app=key.app,
                process=key.process,
                verb=type(act).__name__.lower(),
                subject=subject,
                because=act.because,
                at_s=self._loop.time(),
                generation=order.fence.generation,
            )
        )
