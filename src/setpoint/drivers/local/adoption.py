"""Taking over from the supervisor before: orders, instances by record, and those without any.

Nothing is started or stopped in here. Facts are put together; deciding comes after.
"""

from collections.abc import Callable

from msgspec.structs import replace

from setpoint.drivers.local import facts as change
from setpoint.drivers.local import records, sandbox
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.launching import Ground, Launcher, as_found
from setpoint.drivers.local.names import InstanceName
from setpoint.drivers.local.orders import Orders, with_marks
from setpoint.drivers.local.records import Files, Record
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import Phase

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
        now_s: Callable[[], float],
    ) -> None:
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
        self._load_orders()
        self._adopt_recorded(found)
        self._adopt_unrecorded(found)
        for standing in list(self._table.sets.values()):
            supervisor.open_socket(standing)
            supervisor.wake(standing.key)
        return sum(len(s.running) for s in self._table.sets.values())

    def _load_orders(self) -> None:
        for stored, marks in self._orders.load():
            order = stored.order
            facts = with_marks(change.ordered(None, order, None), marks)
            self._table.sets[order.key] = Standing(facts, order, stored.environment)

    def _adopt_recorded(self, found: Found) -> None:
        for app, name, record in records.load(self._ground.paths.instances):
            seen = found.pop((app, str(name)), None)
            identity = record.identity or seen
            if identity is None:
                Files(self._ground.paths.instances, app, name).drop()
            else:
                self._adopt(AppId(app), name, record, identity)

    def _adopt_unrecorded(self, found: Found) -> None:
        """The runtime directory was wiped under them: their names say which set they belong to."""
        for (app, text), identity in found.items():
            name = InstanceName.parse(text)
            if name is None:
                sandbox.kill(identity)  # no version of ours names its instances so
                continue
            key = self._ground.lasting.resolve(AppId(app), name.process, name.hash)
            kind = "web" if name.port else "worker"
            self._adopt(
                AppId(app), name, Record(key, kind, as_found(name, self._now_s())), identity
            )

    def _adopt(self, app: AppId, name: InstanceName, record: Record, identity: Identity) -> None:
        standing = self._standing(record.key)
        standing.facts = replace(
            standing.facts, instances=(*standing.facts.instances, record.instance)
        )
        reports = self._hands.reports(standing)
        running = self._launcher.adopt(app, name, identity, reports)
        running.doomed = record.doomed
        standing.running[running.id] = running
        instance = record.instance
        if instance.phase is Phase.STARTING or record.kind == "function":
            running.await_ready(
                self._launcher.readiness(running, record.kind, instance.started_at_s)
            )
        self._launcher.keep(standing, running)

    def _standing(self, key: SetKey) -> Standing:
        standing = self._table.sets.get(key)
        if standing is None:
            standing = self._table.sets[key] = Standing(change.unknown(key))
        return standing
