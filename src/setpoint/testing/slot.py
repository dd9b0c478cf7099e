"""One set of the simulated supervisor: its order on record, and what is known of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from setpoint.model.ids import InstanceId
from setpoint.model.process import Exit, Instance, Phase, ProbeSeen, SetFacts, SetOrder
from setpoint.planning import standing
from setpoint.testing.machine import Proc


@dataclass
class Slot:
    """One set: its order on record, and what is known of it."""

    order: SetOrder
    environment: Mapping[str, str]
    instances: dict[InstanceId, Instance] = field(default_factory=dict[InstanceId, Instance])
    failures: int = 0
    crashes: int = 0
    last_exit: Exit | None = None
    waiting: int = 0
    last_used_s: float = 0.0
    ever_ready: bool = False
    gave_up: bool = False
    retiring: bool = False
    last_probe: ProbeSeen | None = None
    lost: int = 0
    timer: asyncio.TimerHandle | None = None

    @property
    def facts(self) -> SetFacts:
        return SetFacts(
            key=self.order.key,
            fence=self.order.fence,
            bounds=self.order.bounds,
            release=self.order.spec.release,
            instances=tuple(self.instances.values()),
            failures=self.failures,
            crashes=self.crashes,
            last_exit=self.last_exit,
            waiting=self.waiting,
            last_used_s=self.last_used_s,
            ever_ready=self.ever_ready,
            gave_up=self.gave_up,
            retiring=self.retiring,
            last_probe=self.last_probe,
            upkeep=self.order.upkeep,
            lost=self.lost,
        )

    @property
    def ready(self) -> int:
        return sum(i.phase is Phase.READY for i in self.instances.values())


def probed(slot: Slot, proc: Proc) -> ProbeSeen | None:
    """Why what listens does not count as ready; None if it does."""
    probe = standing.probe_due(slot.order, slot.facts)
    if probe is None or proc.status < probe.status_below:
        return None
    return ProbeSeen(f"answered {proc.status} to GET {probe.path}", proc.status, "a stack trace")
