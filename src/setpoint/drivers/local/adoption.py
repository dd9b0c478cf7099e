"""Taking over from the supervisor before: orders, instances by record, and those without any.

Nothing is started or stopped in here. Facts are put together; deciding comes after.
"""

import asyncio
import logging
import os
from collections.abc import Callable

from msgspec.structs import replace

from setpoint.drivers.local import facts as change
from setpoint.drivers.local import records, sandbox
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.jobs import Jobs
from setpoint.drivers.local.launching import Launcher, as_found
from setpoint.drivers.local.names import InstanceName, JobName, SpareName, ZygoteName
from setpoint.drivers.local.orders import Orders, with_marks
from setpoint.drivers.local.records import Files, Record
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.spares import Spares
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.drivers.local.zygotes import Zygotes
from setpoint.model.errors import DriverError, Terminal
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import Phase

log = logging.getLogger("setpoint.supervisor")

AT_ONCE = 100

Found = dict[tuple[str, str], Identity]
"""(app, instance name) -> identity, as the machine itself tells it"""


class Adoption:
    def __init__(
        self,
        ground: Ground,
        table: Table,
        orders: Orders,
        launcher: Launcher,
        hands: Hands,
        jobs: Jobs,
        zygotes: Zygotes,
        spares: Spares,
        now_s: Callable[[], float],
    ) -> None:
        self._jobs = jobs
        self._zygotes = zygotes
        self._spares = spares
        self._ground = ground
        self._table = table
        self._orders = orders
        self._launcher = launcher
        self._hands = hands
        self._now_s = now_s

    def run(self, supervisor: Supervisor) -> int:
        """Returns how many instances were adopted."""
        found: Found = {
            (app, name): identity
            for name, app, identity in sandbox.find_ours(self._ground.confinement)
        }
        living = [f"{app}@{name}" for app, name in found]
        jobs = {who: found.pop(who) for who in list(found) if JobName.parse(who[1]) is not None}
        self._adopt_zygotes(found)
        self._load_orders()
        self._adopt_recorded(found)
        self._adopt_spares(found)
        self._adopt_unrecorded(found)
        self._jobs.adopt(jobs)
        records.sweep(self._ground.paths.instances, living)
        supervisor.open_sockets()
        for standing in self._table.sets.values():
            for running in standing.running.values():
                self._hands.watch_memory(standing, running)
        self._wake(supervisor, sorted(self._table.sets.values(), key=_nobody_waits))
        orders = [s.order for s in self._table.sets.values() if s.order is not None]
        self._zygotes.resume(orders)
        return sum(len(s.running) for s in self._table.sets.values())

    def _wake(self, supervisor: Supervisor, left: list[Standing]) -> None:
        """Some at a time: with thousands of them whoever asks would wait for the last one."""
        for standing in left[:AT_ONCE]:
            supervisor.wake(standing.key)
        if left[AT_ONCE:]:
            asyncio.get_running_loop().call_soon(self._wake, supervisor, left[AT_ONCE:])

    def _adopt_zygotes(self, found: Found) -> None:
        for app, text in list(found):
            name = ZygoteName.parse(text)
            if name is not None:
                self._zygotes.adopt(AppId(app), name, found.pop((app, text)))

    def _adopt_spares(self, found: Found) -> None:
        """Those that no record names have become nobody's instance."""
        for app, text in list(found):
            name = SpareName.parse(text)
            if name is not None:
                self._spares.adopt(AppId(app), name, found.pop((app, text)))

    def _load_orders(self) -> None:
        for stored, marks in self._orders.load():
            order = stored.order
            ways_out = self._ground.ways_out
            ways_out.ordered(order.key.app, order.fence, order.egress)
            facts = with_marks(change.ordered(None, order, None), marks)
            self._table.sets[order.key] = Standing(facts, order, stored.environment)

    def _adopt_recorded(self, found: Found) -> None:
        for app, name, record in records.load(self._ground.paths.instances):
            seen = found.pop((app, str(name)), None)
            identity = record.identity or seen
            if identity is not None and identity.name:
                found.pop((app, identity.name), None)
            if identity is None:
                files = Files(self._ground.paths.instances, app, name)
                sandbox.forget(self._ground.confinement, None, app, str(name), files.status)
                files.drop()
            else:
                self._adopt_or_end(AppId(app), name, record, identity)

    def _adopt_unrecorded(self, found: Found) -> None:
        """The runtime directory was wiped under them: their names say which set they belong to."""
        for (app, text), identity in found.items():
            name = InstanceName.parse(text)
            if name is None:
                log.warning("instance.unnamed", extra={"app": app, "found": text})
                sandbox.kill(
                    self._ground.confinement, identity
                )  # no version of ours names its instances so
                continue
            key = self._ground.lasting.resolve(AppId(app), name.process, name.hash)
            kind = "web" if name.port else "worker"
            record = Record(key, kind, as_found(name, self._now_s()))
            self._adopt_or_end(AppId(app), name, record, identity)

    def _adopt_or_end(
        self, app: AppId, name: InstanceName, record: Record, identity: Identity
    ) -> None:
        """What cannot be taken over is ended, so that its order starts another."""
        try:
            self._ground.ways_out.prepare(app)
            self._require_way_in(app, name)
            self._adopt(app, name, record, identity)
        except (DriverError, OSError) as error:
            log.warning("instance.not_adopted", extra={"instance": name.id, "why": error})
            sandbox.kill(self._ground.confinement, identity)
            Files(self._ground.paths.instances, app, name).drop()

    def _require_way_in(self, app: AppId, name: InstanceName) -> None:
        """A relay's socket lies in the runtime directory: wiped, it leads nowhere for good."""
        if not name.port:
            return
        paths = self._ground.paths
        way = sandbox.endpoint(self._ground.confinement, paths.runtime, app, name.port)
        if way.kind == "relay" and not os.path.exists(way.address):
            raise Terminal(f"cannot reach {name.dyno} any more: its relay's socket is gone")

    def _adopt(self, app: AppId, name: InstanceName, record: Record, identity: Identity) -> None:
        standing, instance = self._standing(record.key), record.instance
        running = self._launcher.adopt(app, name, identity, self._hands.reports(standing))
        running.doomed, running.footing = record.doomed, record.footing
        starting = instance.phase is Phase.STARTING
        readiness = None
        if starting or record.kind == "function":
            since_s = instance.started_at_s
            readiness = self._launcher.readiness(standing, running, record.kind, since_s)
        standing.running[running.id] = running
        standing.facts = replace(standing.facts, instances=(*standing.facts.instances, instance))
        self._hands.dial_anew(standing)
        self._launcher.keep(standing, running)
        if readiness is not None:
            running.await_ready(readiness)

    def _standing(self, key: SetKey) -> Standing:
        standing = self._table.sets.get(key)
        if standing is None:
            standing = self._table.sets[key] = Standing(change.unknown(key))
        return standing


def _nobody_waits(standing: Standing) -> bool:
    return standing.socket is None or not standing.socket.queued()
