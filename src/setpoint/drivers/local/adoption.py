"""Taking over from the supervisor before: orders, instances by record, and those without any.

Nothing is started or stopped in here. Facts are put together; deciding comes after.
"""

import logging

from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts as change
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.imports import Kin
from setpoint.drivers.local.jobs import Jobs
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.launching import as_found
from setpoint.drivers.local.names import InstanceName, JobName, SpareName, ZygoteName
from setpoint.drivers.local.orders import Orders, with_marks
from setpoint.drivers.local.records import Record
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Ahead, Found, Launching, Remains, Resumed, Timers
from setpoint.drivers.local.spares import Kind
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import Phase

log = logging.getLogger("setpoint.supervisor")

AT_ONCE = 100


class Adoption:
    def __init__(
        self,
        remains: Remains,
        lasting: Lasting,
        table: Table,
        orders: Orders,
        launcher: Launching,
        hands: Hands,
        jobs: Jobs,
        zygotes: Resumed[Kin, ZygoteName],
        spares: Ahead[Kind, SpareName],
        clock: Clock,
        loop: Timers,
    ) -> None:
        self._jobs = jobs
        self._zygotes = zygotes
        self._spares = spares
        self._remains = remains
        self._lasting = lasting
        self._table = table
        self._orders = orders
        self._launcher = launcher
        self._hands = hands
        self._clock = clock
        self._loop = loop

    def run(self, supervisor: Supervisor) -> int:
        """Returns how many instances were adopted."""
        found = self._remains.living()
        living = [f"{app}@{name}" for app, name in found]
        jobs = {who: found.pop(who) for who in list(found) if JobName.parse(who[1]) is not None}
        self._adopt_zygotes(found)
        self._load_orders()
        self._adopt_recorded(found)
        self._adopt_spares(found)
        self._adopt_unrecorded(found)
        self._jobs.adopt(jobs)
        self._remains.sweep(living)
        supervisor.open_sockets()
        self._wake(supervisor, sorted(self._table.sets.values(), key=_nobody_waits))
        orders = [s.order for s in self._table.sets.values() if s.order is not None]
        self._zygotes.resume(orders)
        return sum(len(s.running) for s in self._table.sets.values())

    def _wake(self, supervisor: Supervisor, left: list[Standing]) -> None:
        """Some at a time: with thousands of them whoever asks would wait for the last one."""
        for standing in left[:AT_ONCE]:
            supervisor.wake(standing.key)
        if left[AT_ONCE:]:
            self._loop.call_soon(self._wake, supervisor, left[AT_ONCE:])

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
            self._remains.ordered(order)
            facts = with_marks(change.ordered(None, order, None), marks)
            self._table.sets[order.key] = Standing(facts, order, stored.environment)

    def _adopt_recorded(self, found: Found) -> None:
        for app, name, record in self._remains.recorded():
            seen = found.pop((app, str(name)), None)
            identity = record.identity or seen
            if identity is not None and identity.name:
                found.pop((app, identity.name), None)
            if identity is None:
                self._remains.clear(app, name)
            else:
                self._adopt_or_end(app, name, record, identity)

    def _adopt_unrecorded(self, found: Found) -> None:
        """The runtime directory was wiped under them: their names say which set they belong to."""
        for (app, text), identity in found.items():
            name = InstanceName.parse(text)
            if name is None:
                log.warning("instance.unnamed", extra={"app": app, "found": text})
                self._remains.end(identity)  # no version of ours names its instances so
                continue
            key = self._lasting.resolve(AppId(app), name.process, name.hash)
            kind = "web" if name.port else "worker"
            record = Record(key, kind, as_found(name, self._clock.now_s()))
            self._adopt_or_end(AppId(app), name, record, identity)

    def _adopt_or_end(
        self, app: AppId, name: InstanceName, record: Record, identity: Identity
    ) -> None:
        """What cannot be taken over is ended, so that its order starts another."""
        try:
            self._remains.admit(app, name)
            self._adopt(app, name, record, identity)
        except (DriverError, OSError) as error:
            log.warning("instance.not_adopted", extra={"instance": name.id, "why": error})
            self._remains.end(identity)
            self._remains.drop(app, name)

    def _adopt(self, app: AppId, name: InstanceName, record: Record, identity: Identity) -> None:
        standing = self._standing(record.key)
        instance = change.shifted_one(record.instance, self._clock.since(record.apart_s))
        running = self._launcher.adopt(app, name, identity, self._hands.reports(standing))
        running.doomed, running.footing = record.doomed, record.footing
        starting = instance.phase is Phase.STARTING
        if starting and not record.doomed:  # nobody was there to see whether it got ready
            instance = replace(instance, started_at_s=self._clock.now_s())
        readiness = None
        if starting or record.kind == "function":
            since_s = instance.started_at_s
            readiness = self._launcher.readiness(standing, running, record.kind, since_s)
        standing.running[running.id] = running
        standing.facts = change.adopted(standing.facts, instance)
        self._hands.dial_anew(standing)
        self._hands.keep(standing, running)
        if readiness is not None:
            running.await_ready(readiness)

    def _standing(self, key: SetKey) -> Standing:
        standing = self._table.sets.get(key)
        if standing is None:
            standing = self._table.sets[key] = Standing(
                change.unknown(key, self._lasting.highest(key))
            )
        return standing


def _nobody_waits(standing: Standing) -> bool:
    return standing.socket is None or not standing.socket.queued()
