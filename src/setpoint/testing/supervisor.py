"""The simulated supervisor: the real one's parts on a simulated machine, behind the driver's port.

It may die, also in the middle of whatever it does: what it knew in memory is lost, its processes
live on, and the next one adopts them from its records. Builds, the disk and what is laid on it are
models.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Generator, Mapping
from contextlib import contextmanager

import msgspec

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts as change
from setpoint.drivers.local.hub import Subscription, app_changed
from setpoint.drivers.local.ledger import Ledger
from setpoint.drivers.local.names import HASH_CHARS, PORT_FIRST, InstanceName, JobName
from setpoint.drivers.local.orders import Orders
from setpoint.drivers.local.records import Record
from setpoint.formats.control import Act as ActEntry
from setpoint.formats.control import LogLine
from setpoint.model.capability import Capabilities
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, BuildId, Digest, Fence, InstanceId, JobId, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.observed import Seen
from setpoint.model.process import Act, Instance, Phase, SetFacts, SetOrder
from setpoint.model.release import BuildRequest
from setpoint.model.retention import Clearance, Cleared, Stock
from setpoint.testing.builds import SimBuilds
from setpoint.testing.disk import SimDisk
from setpoint.testing.folders import EVERYWHERE, Folders, Where
from setpoint.testing.job_handles import Fate, usual_fate
from setpoint.testing.jobs import Known, known, process_of
from setpoint.testing.machine import Machine, Proc
from setpoint.testing.parts import Ears, Killed, Parts
from setpoint.testing.programs import BY_DIGEST
from setpoint.testing.slot import Slot

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
    its fence let through. `strikes`: is this point its last? `on_death`: it died at one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, machine: Machine) -> None:
        self._loop = loop
        self._machine = machine
        machine.on_change = self._changed
        self.up = True
        self.heard = True
        """whether whoever watches is told"""
        self._capabilities = CAPABILITIES
        self.fell_short_s = 0.0
        """when it last offered less than it has"""
        self.dropped: set[AppId] = set()
        self.ever_full = False
        self.meddled: set[AppId] = set()
        """whose sets, records or files an outsider laid hands on"""
        self.wiped = 0
        """how often what it had on record was taken from it, or it died and could not put there"""
        self.strikes: Callable[[], bool] = lambda: False
        self.on_death: Callable[[], None] = lambda: None
        self.on_act: Callable[[Slot, Act], None] = lambda slot, act: None
        self.on_given_up: Callable[[Slot], None] = lambda slot: None
        self.on_command: Callable[[str, SetKey, Fence], None] = lambda verb, key, fence: None
        self.on_draining: Callable[[InstanceId], None] = lambda id: None
        self.on_drop: Callable[[AppId], None] = lambda app: None
        self.on_build: Callable[[BuildRequest], None] = lambda request: None
        self.on_job: Callable[[JobOrder], None] = lambda order: None
        self.on_job_facts: Callable[[JobFacts], None] = lambda facts: None
        self.job_fate: Fate = usual_fate
        self.disk = SimDisk(loop)
        self.disk.on_laid = self._laid_again
        self.builds = SimBuilds(loop, self.disk, self._tell)
        self._folders = Folders()
        self._ears = Ears()
        self._ears.act = lambda slot, act: self.on_act(slot, act)
        self._ears.command = self._let_in
        self._ears.draining = lambda id: self.on_draining(id)
        self._ears.job = lambda order: self.on_job(order)
        self._ears.entered = lambda facts: self.on_job_facts(facts)
        self._watchers: dict[Subscription, None] = {}
        self._life = self._new_life()

    # --- the port -------------------------------------------------------------------------

    async def probe(self) -> Capabilities:
        self._answer()
        return self.capabilities

    async def apply(self, order: SetOrder, environment: Mapping[str, str]) -> None:
        with self._serving() as life:
            life.supervisor.apply(order, dict(environment))
            self._look_at_footing()

    async def remove(self, key: SetKey, fence: Fence) -> None:
        with self._serving() as life:
            life.supervisor.remove(key, fence)

    async def observe(self, only: Collection[AppId] | None = None) -> Seen:
        self._answer()
        for key, slot in self.slots.items():
            if slot.gave_up and self._folders.has_given_up(key):
                self.on_given_up(slot)
        seen = Seen(
            self._life.supervisor.facts(),
            tuple(self.builds.facts.values()),
            self._life.jobs.facts(),
            tuple(self.disk.altered.values()),
        )
        return seen.of(only)

    async def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        with self._serving() as life:
            life.jobs.exec(order, environment)

    async def stop_job(self, app: AppId, id: JobId) -> None:
        with self._serving() as life:
            life.jobs.end(app, id)

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        self._answer()
        self.on_build(request)
        self.builds.start(request, self.capabilities.python)

    async def drop(self, app: AppId) -> None:
        with self._serving() as life:
            self.on_drop(app)
            life.supervisor.check_unused(app)
            life.jobs.check_unused(app)
            self.dropped.add(app)
            self.builds.drop(app)
            life.lasting.forget(app)

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
        with self._serving() as life:
            return life.acts.after(after)

    async def changes(self) -> AsyncIterator[AppId]:
        self._answer()
        life = self._life
        subscription = life.hub.subscribe()
        self._watchers[subscription] = None
        try:
            for app in sorted({f.key.app for f in life.supervisor.facts()} | self._with_jobs()):
                yield app
            while life.pulse.beats:
                for event in await subscription.next():
                    if self.heard or not life.pulse.beats:
                        yield event.app
            raise Transient("cannot watch the supervisor: it went away")
        finally:
            self._watchers.pop(subscription, None)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @capabilities.setter
    def capabilities(self, offered: Capabilities) -> None:
        self._capabilities = offered
        self.fell_short_s = self._loop.time()

    @property
    def clock_s(self) -> float:
        """What it takes for the time, and its facts go by."""
        return self._life.clock.now_s()

    # --- what is known of it ----------------------------------------------------------------

    @property
    def slots(self) -> dict[SetKey, Slot]:
        """Its sets; of one that is dead, as it knew them last."""
        return {key: Slot(standing) for key, standing in self._life.table.sets.items()}

    @property
    def ledger(self) -> dict[JobId, Known]:
        return {line.facts.id: known(line) for line in self._life.ledger.lines()}

    @property
    def act_log(self) -> list[ActEntry]:
        """All that was ever recorded."""
        return self._ears.acts

    @property
    def lines(self) -> list[LogLine]:
        """All that it ever said of apps."""
        return self._ears.lines

    def process_of(self, id: JobId) -> Proc | None:
        return self._machine.procs.get(process_of(id))

    def in_hand(self, id: InstanceId) -> int:
        """Requests that one of its processes has not answered yet."""
        return self._machine.in_hand(id)

    # --- what happens to it ---------------------------------------------------------------

    def crash(self) -> None:
        """Its memory is gone; processes and records are not."""
        self.up = False
        self._life.pulse.beats = False
        self.wiped += "memory" in self._folders.full
        for watcher in self._watchers:
            watcher.put(app_changed(AppId("")))

    def restart(self) -> None:
        """Adopt what its records name and still runs, and notice what ended meanwhile."""
        if self.up:
            return
        self.up = True
        try:
            self._life = self._new_life()
            self._life.adoption.run(self._life.supervisor)
        except Killed:
            self._died()
            return
        self._look_at_footing()
        self._edge_is_back()

    def reboot(self) -> None:
        """The machine went down: orders and routes lived in memory; fences are on disk."""
        back = self.up
        self.crash()
        self._machine.power_off()
        self._folders.power_off()
        self.wiped += 1
        self.builds.power_off()
        self._life = self._new_life()
        self._life.pulse.beats = False
        if back:
            self.restart()

    def lose(self, key: SetKey) -> None:
        """Somebody else killed its processes and wiped all that was known of it."""
        self.meddled.add(key.app)
        standing = self._life.table.sets.pop(key)
        if standing.timer is not None:
            standing.timer.cancel()
        for id in standing.running:
            self._life.launcher.live.pop(id, None)
            self._machine.kill(id)
            self._machine.reap(id)
        self._folders.forget(key, [f"{r.app}@{r.name}" for r in standing.running.values()])
        self.wiped += 1
        self._tell(key.app)

    def wipe(self) -> None:
        """Somebody else removes all that it has on record in memory, and kills it."""
        self.meddled |= {key.app for key in self.slots}
        self.crash()
        self._folders.wipe()
        self.wiped += 1
        self.restart()

    def fill_disk(self, *, full: bool, where: tuple[Where, ...] = EVERYWHERE) -> None:
        """It can write nothing down there."""
        self._folders.full = where if full else ()
        self.ever_full |= full

    def fill_sockets(self, *, full: bool) -> None:
        """No socket can be opened that it does not have; whatever else it writes has room."""
        self._folders.no_sockets = full

    def take_socket(self, key: SetKey, *, put: bool = False) -> None:
        """An outsider removes it. `put`: and puts something else in its place, which stays until
        `clear_places`."""
        self._folders.queues.pop(key, None)
        self._folders.obstructed |= {key} if put else set()

    def spoil_socket(self, key: SetKey) -> None:
        """It cannot be looked at any more."""
        self._life.queues.spoil(key)

    def cut(self, app: AppId, *, put: bool = False) -> None:
        """An outsider takes its network away."""
        self._folders.cut.add(app)
        self._folders.obstructed |= {app} if put else set()

    def clear_places(self) -> None:
        self._folders.obstructed.clear()

    def join(self, app: AppId) -> None:
        """As a start in its network does, which mends it."""
        self._life.networks.prepare(app)

    def look_around(self) -> None:
        """One round: what nobody is told of when it goes."""
        self._life.rounds.walk()

    def lose_sockets(self) -> None:
        """The keeper died with its copies, while nobody else had one."""
        self._folders.queues.clear()

    def remembers(self, key: SetKey) -> bool:
        """Beyond its life, that there is such a set?"""
        return self._life.lasting.resolve(key.app, key.process, key.spec_hash[:HASH_CHARS]) == key

    def alter(self, code: Digest) -> None:
        """An outsider lays hands on a layer; whoever runs on it is told."""
        self.disk.alter(code)
        for key, slot in self.slots.items():
            if slot.order.spec.code == code:
                self.meddled.add(key.app)
                self._tell(key.app)

    def plant(self, order: SetOrder) -> None:
        """A set appears that nobody here ordered."""
        if self.up and order.key not in self._life.table.sets:
            self._ears.deaf = True
            self._tells(lambda life: life.supervisor.apply(order, {}))
            self._ears.deaf = False

    def take_up(self, order: SetOrder, facts: SetFacts, boot_s: float, stop_s: float) -> None:
        """A set that was ordered before this world was; its instances run on the machine. Known
        from the next restart on."""
        folders, nothing = self._folders, lambda: None
        orders = Orders(folders.at("orders", nothing), self._clock())
        orders.keep(order, {})
        orders.mark(facts)
        if order.spec.kind == "function":
            folders.queues.setdefault(order.key, 0)
        for instance in facts.live:
            name = _name(order, instance)
            self._place(name, order, instance, boot_s, stop_s)
            footing = self._life.launcher.footing(order)
            record = Record(order.key, order.spec.kind, instance, footing=footing)
            encoded = msgspec.json.encode(record)
            folders.at("instances", nothing).write(f"{order.key.app}@{name}", encoded)

    def take_up_job(self, order: JobOrder, started_at_s: float) -> None:
        """One that was started before this world was, and runs."""
        facts = JobFacts(order.id, order.app, order.dyno, "running", started_at_s=started_at_s)
        self._ledger().enter(facts, order)
        name = JobName(order.id, order.dyno)
        self._machine.run(name.id, *self.job_fate(order), (order.app, str(name)))

    def lose_job(self, app: AppId, id: JobId) -> None:
        """One that was started before this world was, and nobody knows what came of it."""
        self._ledger().enter(JobFacts(id, app, "", "lost"))

    # --- requests ---------------------------------------------------------------------------

    def want(self, key: SetKey) -> None:
        """A request arrived for this set."""
        standing = self._life.table.sets.get(key)
        if standing is None:
            return
        if standing.facts.ready:
            self._hand_on(key, standing.facts, standing.effective_order)
        elif standing.socket is not None:
            self._life.queues.put(key)
        elif self.up:
            self._tells(lambda life: life.supervisor.demand(key, standing.facts.waiting + 1))

    def drained(self, id: InstanceId) -> None:
        """The edge confirmed: no new request can reach it."""
        self._tells(lambda life: life.supervisor.drained(id))

    def _hand_on(self, key: SetKey, facts: SetFacts, order: SetOrder) -> None:
        """To the one that has the least to do. The edge tells how busy the set is, then and once it
        is answered."""
        least = min((i.id for i in facts.ready), key=lambda id: (self._machine.in_hand(id), id))
        program = BY_DIGEST.get(order.spec.code)
        answer_s = program.answer_s if program is not None else 0.0
        if least in self._machine.procs and order.spec.kind == "web":
            self._machine.request(least, answer_s)
        self._busy(key)
        self._loop.call_later(answer_s, self._busy, key)

    def _busy(self, key: SetKey) -> None:
        standing = self._life.table.sets.get(key)
        if standing is not None:
            count = sum(self._machine.in_hand(id) for id in standing.running)
            now_s = self._machine.wall_s()
            self._tells(lambda life: life.supervisor.activity(key, count, now_s))

    # --- one life ---------------------------------------------------------------------------

    def _new_life(self) -> Parts:
        return Parts(
            self._loop,
            self._machine,
            self._folders,
            self.disk,
            self._ears,
            lambda: self.capabilities.level,
            lambda order: self.job_fate(order),
            lambda: self.strikes(),
            self._died,
        )

    def _let_in(self, verb: str, key: SetKey, fence: Fence) -> None:
        if not self._ears.deaf:
            self.on_command(verb, key, fence)

    def _answer(self) -> None:
        if not self.up:
            raise Transient("cannot reach the supervisor: it is down")

    @contextmanager
    def _serving(self) -> Generator[Parts]:
        """Raises Transient where it is down, or dies in the middle of it."""
        self._answer()
        try:
            yield self._life
        except Killed:
            self._died()
            raise Transient("cannot tell what came of it: the supervisor died") from None
        except OSError as error:
            raise Transient(f"cannot do it now: {error}") from None

    def _tells(self, what: Callable[[Parts], None]) -> None:
        """The edge tells it something; nobody waits for an answer."""
        if self.up:
            with contextlib.suppress(Transient), self._serving() as life:
                what(life)

    def _died(self) -> None:
        self.crash()
        self.on_death()

    def _changed(self, id: InstanceId) -> None:
        running = self._life.of(id)
        if running is not None:
            self._life.pulse.call_soon(running.look)

    def _with_jobs(self) -> set[AppId]:
        return {facts.app for facts in self._life.jobs.facts()}

    def _ledger(self) -> Ledger:
        return Ledger(self._folders.at("ledger", lambda: None), self._clock())

    def _clock(self) -> Clock:
        return Clock(self._machine.wall_s, self._machine.up_s)

    def _tell(self, app: AppId) -> None:
        self._life.hub.tell_app(app)

    def _edge_is_back(self) -> None:
        """It tells again of what it has let go."""
        for standing in self._life.table.sets.values():
            for instance in standing.facts.instances:
                if instance.phase is Phase.DRAINING and not instance.drained:
                    self.on_draining(instance.id)

    def _laid_again(self, code: Digest) -> None:
        if self.up:
            self._look_at_footing()

    def _look_at_footing(self) -> None:
        """Processes go on in the folder that they began in."""
        for standing in self._life.table.sets.values():
            if standing.order is None:
                continue
            now = self._life.launcher.footing(standing.order)
            for id, running in standing.running.items():
                if not running.footing:  # its record was lost
                    running.footing = (self._machine.procs[id].footing + 1,)
                if running.footing != now:
                    standing.facts = change.outdated(standing.facts, id)
            self._life.supervisor.wake(standing.key)

    def _place(
        self, name: InstanceName, order: SetOrder, of: Instance, boot_s: float, stop_s: float
    ) -> None:
        who = (order.key.app, str(name))
        if of.phase is Phase.STARTING:
            self._machine.start(of.id, boot_s, "ready", stop_s, 0.0, who)
            return
        self._machine.place(of.id, stop_s, who).ready = True
        if of.phase is Phase.STOPPING:
            self._machine.term(of.id)


def _name(order: SetOrder, instance: Instance) -> InstanceName:
    """As it was started by a supervisor that is not this world's."""
    key, token = order.key, instance.id.rpartition("-")[2]
    port = instance.endpoint.port if instance.endpoint is not None else 0
    port = port or (PORT_FIRST if order.spec.kind == "web" else 0)
    return InstanceName(key.process, key.spec_hash[:HASH_CHARS], instance.ordinal, token, port)
