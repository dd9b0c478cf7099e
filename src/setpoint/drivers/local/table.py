"""The supervisor's table: every set there is, its order, its facts and what runs of it."""

import asyncio
from dataclasses import dataclass, field

from setpoint.drivers.local.seams import Handle, Queue
from setpoint.model.ids import AppId, Digest, InstanceId, SetKey
from setpoint.model.process import Instance, ProcessSpec, SetFacts, SetOrder


@dataclass
class Standing:
    """One set. `order` None: found running, its order is lost until the loop gives it again."""

    facts: SetFacts
    order: SetOrder | None = None
    environment: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    running: dict[InstanceId, Handle] = field(default_factory=dict[InstanceId, Handle])
    socket: Queue | None = None
    timer: asyncio.TimerHandle | None = None
    not_before_s: float = 0.0
    """on the loop's clock: until then the machine is given time, and none is started"""
    told: SetFacts | None = None
    """the facts that listeners last heard, but for how busy it is"""

    @property
    def key(self) -> SetKey:
        return self.facts.key

    def in_hand(self, instance: Instance) -> int:
        running = self.running.get(instance.id)
        return running.in_hand() if running is not None else 0

    def queued(self, instance: Instance) -> int:
        running = self.running.get(instance.id)
        return running.queued() if running is not None else 0

    @property
    def wants_socket(self) -> bool:
        """A function without the queue that its instances are to be given."""
        function = self.order is not None and self.order.spec.kind == "function"
        return function and self.socket is None

    @property
    def effective_order(self) -> SetOrder:
        """What to decide by. Of a lost order only that it is being removed can matter."""
        return self.order if self.order is not None else _blank_order(self.facts)


def _blank_order(facts: SetFacts) -> SetOrder:
    nothing = Digest("")
    spec = ProcessSpec(
        process=facts.key.process, kind="worker", release=facts.release, code=nothing, layer=None,
        python="", folder="", command="", runtime="", environment=nothing, size="",
        memory_bytes_max=0, pids_max=0, cpu_weight=0,
    )  # fmt: skip
    return SetOrder(facts.key, "", spec, facts.bounds, facts.fence)


class Table:
    def __init__(self) -> None:
        self.sets: dict[SetKey, Standing] = {}

    def of_app(self, app: AppId) -> list[Standing]:
        return [s for s in self.sets.values() if s.key.app == app]

    def functions(self) -> int:
        """How many have a socket."""
        return sum(s.socket is not None for s in self.sets.values())

    def owner(self, id: InstanceId) -> Standing | None:
        return next((s for s in self.sets.values() if id in s.running), None)

    def ports(self, app: AppId) -> frozenset[int]:
        return frozenset(r.name.port for s in self.of_app(app) for r in s.running.values())

    def all_ports(self) -> frozenset[int]:
        return frozenset(r.name.port for s in self.sets.values() for r in s.running.values())
