"""The simulated machine: processes that boot, run, exit, and outlive whoever started them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from setpoint.model.ids import InstanceId
from setpoint.testing.programs import FOR_EVER_S, Fate


@dataclass
class Proc:
    """One process tree. `ready`: it listens; `status`: what its front page answers then, over HTTP.
    `code`: how it ended, None while it runs. `footing`: how often its layer had been laid again."""

    id: InstanceId
    stop_s: float
    ready: bool = False
    status: int = 200
    code: int | None = None
    ended_at_s: float = 0.0
    answers_at_s: tuple[float, ...] = ()
    """when each request that it was given is answered"""
    footing: int = 0


class Machine:
    """`on_change` is told the id of every process that got ready, or better, or ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.procs: dict[InstanceId, Proc] = {}
        self.on_change: Callable[[InstanceId], None] = lambda _: None

    @property
    def running(self) -> list[InstanceId]:
        return [p.id for p in self.procs.values() if p.code is None]

    def start(
        self, id: InstanceId, boot_s: float, fate: Fate, stop_s: float, errs_s: float = 0.0
    ) -> None:
        proc = Proc(id, stop_s, status=500 if errs_s else 200)
        self.procs[id] = proc
        if fate == "ready":
            self._loop.call_later(boot_s, self._booted, proc)
            if 0.0 < errs_s < FOR_EVER_S:
                self._loop.call_later(boot_s + errs_s, self._heals, proc)
        elif fate == "exits":
            self._loop.call_later(boot_s, self.end, id, 1)

    def run(self, id: InstanceId, for_s: float | None, code: int) -> None:
        """Something that ends by itself after so long; None: never."""
        self.procs[id] = Proc(id, stop_s=0.5)
        if for_s is not None:
            self._loop.call_later(for_s, self.end, id, code)

    def request(self, id: InstanceId, answer_s: float) -> None:
        """It is asked, and answers after so long; what was answered is forgotten."""
        proc, now_s = self.procs[id], self._loop.time()
        open_ = (at_s for at_s in proc.answers_at_s if at_s > now_s)
        proc.answers_at_s = (*open_, now_s + answer_s)

    def in_hand(self, id: InstanceId) -> int:
        proc = self.procs.get(id)
        if proc is None or proc.code is not None:
            return 0
        return sum(at_s > self._loop.time() for at_s in proc.answers_at_s)

    def term(self, id: InstanceId) -> None:
        """SIGTERM: it takes the time it takes."""
        proc = self.procs.get(id)
        if proc is not None:
            self._loop.call_later(proc.stop_s, self.end, id, 0)

    def end(self, id: InstanceId, code: int) -> None:
        """It exits, or is killed (128 + signal)."""
        proc = self.procs.get(id)
        if proc is None or proc.code is not None:
            return
        proc.code, proc.ready, proc.ended_at_s = code, False, self._loop.time()
        self.on_change(id)

    def reap(self, id: InstanceId) -> None:
        self.procs.pop(id, None)

    def power_off(self) -> None:
        self.procs.clear()

    def _heals(self, proc: Proc) -> None:
        proc.status = 200
        if proc.code is None and self.procs.get(proc.id) is proc:
            self.on_change(proc.id)

    def _booted(self, proc: Proc) -> None:
        if proc.code is None and self.procs.get(proc.id) is proc:
            proc.ready = True
            self.on_change(proc.id)
