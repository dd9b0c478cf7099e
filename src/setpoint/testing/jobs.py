"""The job ledger of the simulated supervisor, as whoever watches the world looks at it."""

from dataclasses import dataclass

from setpoint.drivers.local.ledger import Line
from setpoint.drivers.local.names import JobName
from setpoint.model.ids import AppId, InstanceId, JobId
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.process import Exit


@dataclass(frozen=True)
class Known:
    """One id. `order`: of one that runs."""

    facts: JobFacts
    order: JobOrder | None

    @property
    def id(self) -> JobId:
        return self.facts.id

    @property
    def app(self) -> AppId:
        return self.facts.app

    @property
    def state(self) -> str:
        return self.facts.state

    @property
    def exit(self) -> Exit | None:
        return self.facts.exit


def known(line: Line) -> Known:
    return Known(line.facts, line.order)


def process_of(id: JobId) -> InstanceId:
    """Under which name the machine runs it."""
    return JobName(id, "").id
