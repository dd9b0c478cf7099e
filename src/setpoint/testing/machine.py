"""The simulated machine: processes that boot, run, exit, and outlive whoever started them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from setpoint.drivers.local.names import InstanceName
from setpoint.drivers.local.sandbox import Identity
from setpoint.model.ids import AppId, InstanceId
from setpoint.model.process import SIGKILL
from setpoint.testing.programs import FOR_EVER_S, Fate


@dataclass
class Proc:
    """One process tree. `ready`: it listens; `status`: what its front page answers then, over HTTP.
    `code`: how it ended, None while it runs. `app`, `name`, `identity`: as the machine tells them
    of what somebody started here. `footing`: how often its layer had been laid again; `condemned`:
    it was told to die by whoever started it. `heard`: somebody has taken its word for being ready,
    which is there once."""

    id: InstanceId
    stop_s: float
    identity: Identity
    app: AppId
    name: str
    ready: bool = False
    status: int = 200
    code: int | None = None
    ended_at_s: float = 0.0
    answers_at_s: tuple[float, ...] = ()
    """when each request that it was given is answered"""
    footing: int = 0
    condemned: bool = False
    heard: bool = False


class Machine:
    """`on_change` is told the id of every process that got ready, or better, or ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.procs: dict[InstanceId, Proc] = {}
        self.murders: set[tuple[AppId, str]] = set()
        """of which (app, dyno) outsiders have killed one"""
        self.clock_ahead_s = 0.0
        """so wrong is its clock"""
        self._numbers = 0
        self.on_change: Callable[[InstanceId], None] = lambda _: None

    def up_s(self) -> float:
        """By a clock that nobody can set."""
        return self._loop.time()

    def wall_s(self) -> float:
        """Unix seconds, by the other one."""
        return self._loop.time() + self.clock_ahead_s

    @property
    def running(self) -> list[InstanceId]:
        return [p.id for p in self.procs.values() if p.code is None]

    def next_number(self) -> int:
        """One that nothing here was given before."""
        self._numbers += 1
        return self._numbers

    def start(
        self,
        id: InstanceId,
        boot_s: float,
        fate: Fate,
        stop_s: float,
        errs_s: float,
        who: tuple[AppId, str],
    ) -> None:
        """`who`: the app, and what it is called on this machine."""
        proc = self.place(id, stop_s, who)
        proc.status = 500 if errs_s else 200
        if fate == "ready":
            self._loop.call_later(boot_s, self._booted, proc)
            if 0.0 < errs_s < FOR_EVER_S:
                self._loop.call_later(boot_s + errs_s, self._heals, proc)
        elif fate == "exits":
            self._loop.call_later(boot_s, self.end, id, 1)

    def place(self, id: InstanceId, stop_s: float, who: tuple[AppId, str]) -> Proc:
        """A process that runs, and does nothing."""
        proc = self.procs[id] = Proc(id, stop_s, Identity(self.next_number(), 1, 0, 0), *who)
        return proc

    def run(self, id: InstanceId, for_s: float | None, code: int, who: tuple[AppId, str]) -> None:
        """Something that ends by itself after so long; None: never."""
        self.place(id, 0.5, who)
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
        if (
            code == 128 + SIGKILL
            and not proc.condemned
            and (found := InstanceName.parse(proc.name))
        ):
            self.murders.add((proc.app, found.dyno))
        proc.code, proc.ready, proc.ended_at_s = code, False, self._loop.time()
        self.on_change(id)

    def kill(self, id: InstanceId) -> None:
        """By whoever started it."""
        proc = self.procs.get(id)
        if proc is not None:
            proc.condemned = True
            self.end(id, 128 + SIGKILL)

    def kill_by(self, identity: Identity) -> None:
        for proc in [p for p in self.procs.values() if p.identity == identity]:
            self.kill(proc.id)

    def reap(self, id: InstanceId) -> None:
        """How it ended is told to nobody any more. What runs is left alone."""
        proc = self.procs.get(id)
        if proc is not None and proc.code is not None:
            del self.procs[id]

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
