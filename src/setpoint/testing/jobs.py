"""Jobs of the simulated supervisor: a ledger that lasts, and processes that do not.

The ledger is on disk and outlives everything. What ran when the machine went down is lost.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from setpoint.model.ids import AppId, InstanceId, JobId
from setpoint.model.job import JobFacts, JobOrder, JobWatch, KillJob
from setpoint.model.process import Exit
from setpoint.planning import job_standing
from setpoint.testing.machine import Machine
from setpoint.testing.programs import BY_DIGEST

RUN_S = 3.0
LONG_S = 60.0
"""Longer than any of their app's instances takes to stop."""
MARK = "job-"


@dataclass
class Known:
    """One id. `order` None: it was stopped before anybody asked for its start."""

    id: JobId
    app: AppId
    order: JobOrder | None
    state: Literal["running", "ended", "lost"] = "ended"
    started_at_s: float | None = None
    exit: Exit | None = None
    watch: JobWatch | None = None

    @property
    def stopping(self) -> bool:
        return self.watch is not None and self.watch.stop_at_s is not None

    @property
    def facts(self) -> JobFacts:
        return JobFacts(
            id=self.id,
            app=self.app,
            dyno=self.order.dyno if self.order is not None else "",
            state=self.state,
            started_at_s=self.started_at_s,
            ended_at_s=self.exit.at_s if self.exit is not None else None,
            exit=self.exit,
            stopping=self.stopping,
        )


def process_of(id: JobId) -> InstanceId:
    """Under which name the machine runs it."""
    return InstanceId(f"{MARK}{id}")


class SimJobs:
    """`on_start` hears every start of a process, whatever led to it. `tell`: facts changed.

    `fate`: how long an order's process takes (None: for ever), and with which code it ends.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, machine: Machine, tell: Callable[[AppId], None]
    ) -> None:
        self._loop = loop
        self._machine = machine
        self._tell = tell
        self.ledger: dict[JobId, Known] = {}
        self.on_start: Callable[[JobOrder], None] = lambda order: None
        self.fate: Callable[[JobOrder], tuple[float | None, int]] = usual_fate

    def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        if order.id in self.ledger:
            return
        now_s = self._loop.time()
        watch = JobWatch(now_s, order.run_s_max)
        known = Known(order.id, order.app, order, "running", now_s, watch=watch)
        self.ledger[order.id] = known
        self.on_start(order)
        self._machine.run(process_of(order.id), *self.fate(order))
        self._decide(known)
        self._tell(order.app)

    def take_up(self, order: JobOrder, started_at_s: float) -> None:
        """One that was started before this world was, and runs."""
        watch = JobWatch(started_at_s, order.run_s_max)
        known = Known(order.id, order.app, order, "running", started_at_s, watch=watch)
        self.ledger[order.id] = known
        self._machine.run(process_of(order.id), *self.fate(order))
        self._decide(known)

    def stop(self, app: AppId, id: JobId) -> None:
        known = self.ledger.setdefault(id, Known(id, app, None))
        if known.state == "running" and known.watch is not None and not known.stopping:
            known.watch = replace(known.watch, stop_at_s=self._loop.time())
            self._machine.term(process_of(id))
            self._decide(known)
        self._tell(app)

    def owns(self, process: InstanceId) -> bool:
        return process.startswith(MARK)

    def look(self) -> None:
        """What ended, also while nobody looked."""
        for known in self.ledger.values():
            proc = self._machine.procs.get(process_of(known.id))
            if known.state == "running" and proc is not None and proc.code is not None:
                known.state = "ended"
                late = known.watch is not None and known.watch.late
                known.exit = Exit(
                    proc.code, proc.ended_at_s, expected=known.stopping, timed_out=late
                )
                self._machine.reap(process_of(known.id))
                self._tell(known.app)

    def power_off(self) -> None:
        for known in self.ledger.values():
            if known.state == "running":
                known.state = "lost"
                self._tell(known.app)

    def _decide(self, known: Known) -> None:
        """The real decision; its acts on the machine."""
        if known.state != "running" or known.watch is None:
            return
        acts = job_standing.decide(known.watch, self._loop.time())
        if isinstance(acts.act, KillJob):
            known.watch = replace(known.watch, killed=True, late=acts.act.late)
            self._machine.end(process_of(known.id), 137)
        elif acts.look_again_s is not None:
            self._loop.call_later(acts.look_again_s, self._decide, known)


def usual_fate(order: JobOrder) -> tuple[float | None, int]:
    """A release phase does what its program says; every third one-off command takes its time."""
    if order.spec.process == "release":
        fate = BY_DIGEST[order.spec.code].release
        return None if fate == "hangs" else RUN_S, 1 if fate == "fails" else 0
    takes_time = order.spec.process == "run" and int(order.id.replace("-", ""), 16) % 3 == 0
    return LONG_S if takes_time else RUN_S, 0
