"""One set of the simulated supervisor, as whoever watches the world looks at it."""

from collections.abc import Mapping

from setpoint.drivers.local.table import Standing
from setpoint.model.ids import InstanceId
from setpoint.model.process import Exit, Instance, SetFacts, SetOrder


class Slot:
    """Its order on record, and what is known of it."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    @property
    def facts(self) -> SetFacts:
        return self._standing.facts

    @property
    def order(self) -> SetOrder:
        return self._standing.effective_order

    @property
    def environment(self) -> Mapping[str, str]:
        return self._standing.environment

    @property
    def instances(self) -> Mapping[InstanceId, Instance]:
        return {instance.id: instance for instance in self.facts.instances}

    @property
    def ready(self) -> int:
        return len(self.facts.ready)

    @property
    def retiring(self) -> bool:
        return self.facts.retiring

    @property
    def ever_ready(self) -> bool:
        return self.facts.ever_ready

    @property
    def gave_up(self) -> bool:
        return self.facts.gave_up

    @property
    def waiting(self) -> int:
        return self.facts.waiting

    @property
    def lost(self) -> int:
        return self.facts.lost

    @property
    def crashes(self) -> int:
        return self.facts.crashes

    @property
    def last_exit(self) -> Exit | None:
        return self.facts.last_exit
