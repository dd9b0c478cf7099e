"""Jobs on the simulated machine, as the supervisor starts, follows and finds them again."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from setpoint.drivers.local.job_launching import JobRecord, SitDown
from setpoint.drivers.local.names import JobName
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Handle, Reports
from setpoint.model.errors import Transient
from setpoint.model.ids import InstanceId
from setpoint.model.job import JobOrder, JobWatch
from setpoint.model.level import Level, at_least
from setpoint.testing.folders import SimFolder
from setpoint.testing.handles import SimHandle
from setpoint.testing.machine import Machine
from setpoint.testing.programs import BY_DIGEST

if TYPE_CHECKING:
    from setpoint.testing.parts import Parts

RUN_S = 3.0
LONG_S = 60.0
"""Longer than any of their app's instances takes to stop."""

Fate = Callable[[JobOrder], tuple[float | None, int]]
"""How long an order's process takes (None: for ever), and with which code it ends."""


class SimJobLauncher:
    """A `drivers.local.seams.JobLaunching`. `on_start` hears every start of a process."""

    def __init__(
        self,
        machine: Machine,
        records: SimFolder,
        level: Callable[[], Level],
        life: "Parts",
        on_start: Callable[[JobOrder], None],
        fate: Fate,
    ) -> None:
        self._machine = machine
        self._records = records
        self._level = level
        self._life = life
        self._on_start = on_start
        self._fate = fate
        self.live: dict[InstanceId, SimHandle] = {}

    def check(self, order: JobOrder) -> None:
        if order.level_min is not None and not at_least(self._level(), order.level_min):
            raise Transient(f"cannot start {order.dyno}: its level is not to be had")

    def start(
        self,
        order: JobOrder,
        environment: Mapping[str, str],
        watch: JobWatch,
        to: Reports,
        sit_down: SitDown,
    ) -> SimHandle:
        running = self._handle(order, to)
        self.keep(running, order, watch)
        self._life.point()
        self._on_start(order)
        who = (order.app, str(running.name))
        self._machine.run(running.id, *self._fate(order), who)
        self._life.point()
        self._life.pulse.call_soon(running.began)
        return running

    def adopt(
        self, order: JobOrder, identity: Identity, to: Reports, sit_down: SitDown
    ) -> SimHandle:
        running = self._handle(order, to)
        running.take_over(identity)
        return running

    def let_go(self, order: JobOrder) -> None:
        """Nobody types into it."""

    def keep(self, running: Handle, order: JobOrder, watch: JobWatch) -> None:
        record = JobRecord(order, watch, running.identity, self._life.clock.apart_s)
        self._records.write(order.id, msgspec.json.encode(record))

    def records(self) -> Iterator[JobRecord]:
        for id in self._records.names():
            yield msgspec.json.decode(self._records.read(id), type=JobRecord)

    def last_word(self, order: JobOrder) -> tuple[int, bool] | None:
        proc = self._machine.procs.get(JobName(order.id, order.dyno).id)
        return None if proc is None or proc.code is None else (proc.code, False)

    def clear(self, order: JobOrder) -> None:
        self._machine.reap(JobName(order.id, order.dyno).id)
        self._records.remove(order.id)

    def end(self, identity: Identity) -> None:
        self._machine.kill_by(identity)

    def _handle(self, order: JobOrder, to: Reports) -> SimHandle:
        def cleared(running: SimHandle) -> None:
            self.live.pop(running.id, None)

        name = JobName(order.id, order.dyno)
        running = SimHandle(order.app, name, self._machine, self._life, to, cleared)
        self.live[name.id] = running
        return running


def usual_fate(order: JobOrder) -> tuple[float | None, int]:
    """A release phase does what its program says; every third one-off command takes its time."""
    if order.spec.process == "release":
        fate = BY_DIGEST[order.spec.code].release
        return None if fate == "hangs" else RUN_S, 1 if fate == "fails" else 0
    takes_time = order.spec.process == "run" and int(order.id.replace("-", ""), 16) % 3 == 0
    return LONG_S if takes_time else RUN_S, 0
