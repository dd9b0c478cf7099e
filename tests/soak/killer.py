"""Who kills what: SIGKILL for one process at a time, chosen by luck from what there is."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from setpoint.drivers.local import records
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.records import Record
from setpoint.drivers.local.sandbox import alive
from setpoint.model.process import Phase
from setpoint.processes.keeper import BACKOFF_S
from tests.acceptance.plane import Plane, until

PLANE = ("daemon", "supervisor", "edge_agent")
HELPERS = {"builder": "setpoint.processes.builder", "forker": "forker.py"}
GONE_S_MAX = 10.0
BACK_S_MAX = 30.0
LOOK_S = 0.002
REST_S = 20.0
"""An app that lost an instance is left alone for so long: it has to be warm again first."""


@dataclass(frozen=True)
class Kill:
    """Monotonic seconds. `gone_s`: when it was seen to be no more; of Envoy, when the next one
    answered. `app`: an instance's."""

    kind: str
    at_s: float
    gone_s: float
    app: str = ""

    @property
    def took_s(self) -> float:
        return self.gone_s - self.at_s


@dataclass
class Killer:
    """`pause_s`: (least, most) between two kills. `answers`: asked again and again after Envoy's
    end, until a new connection is answered.

    Use as a context manager. An error in here ends the soak: `broke` holds it.
    """

    plane: Plane
    names: dict[str, str]
    """app id -> name"""
    seed: int
    pause_s: tuple[float, float]
    answers: Callable[[], bool]
    kills: list[Kill] = field(default_factory=list[Kill])
    broke: BaseException | None = None
    _rested: dict[str, float] = field(default_factory=dict[str, float])
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def by_kind(self) -> dict[str, int]:
        return dict(Counter(kill.kind for kill in self.kills))

    def __enter__(self) -> "Killer":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        luck = random.Random(f"{self.seed}/killer")
        try:
            while not self._over.wait(luck.uniform(*self.pause_s)):
                self._one(luck)
        except BaseException as error:
            self.broke = error

    def _one(self, luck: random.Random) -> None:
        """Kinds of which none was killed yet come first: half a minute has them all."""
        kinds = [*PLANE, "instance", "instance", "builder", "builder", "forker", "envoy"]
        luck.shuffle(kinds)
        killed = self.by_kind
        for kind in sorted(kinds, key=lambda kind: kind in killed):
            victim = self._victim(kind, luck)
            if victim is not None:
                self._kill(kind, *victim)
                return

    def _victim(self, kind: str, luck: random.Random) -> tuple[int, str] | None:
        """(pid, app); None: there is none now, or it has to rest."""
        if kind == "instance":
            return self._instance(luck)
        with contextlib.suppress(OSError, ValueError):  # its record is being written
            if kind in HELPERS:
                found = self.plane.helpers(HELPERS[kind])
                return (luck.choice(sorted(found)), "") if found else None
            if kind == "envoy" and self._rests("envoy", BACKOFF_S[-1] + 1):
                return None  # one that had just begun the keeper keeps waiting on purpose
            pid = self.plane.pid(kind)
            return (pid, "") if runs(pid) else None
        return None

    def _instance(self, luck: random.Random) -> tuple[int, str] | None:
        """Of an app with others that are ready, and that has rested."""
        ready: dict[str, list[Record]] = {}
        for app, record in recorded(self.plane):
            if record.instance.phase is Phase.READY and app in self.names:
                ready.setdefault(app, []).append(record)
        fit = [a for a in sorted(ready) if len(ready[a]) > 1 and not self._rests(a, REST_S)]
        if not fit:
            return None
        app = luck.choice(fit)
        identity = luck.choice(ready[app]).identity
        assert identity is not None
        return identity.inner_pid, app

    def _rests(self, what: str, for_s: float) -> bool:
        return time.monotonic() - self._rested.get(what, -for_s) < for_s

    def _kill(self, kind: str, pid: int, app: str) -> None:
        at_s = time.monotonic()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        until(lambda: not runs(pid), GONE_S_MAX, f"{kind} {pid} has ended")
        if kind == "envoy":
            until(self.answers, BACK_S_MAX, f"the edge is back\n{self.plane.tails()}", LOOK_S)
        gone_s = time.monotonic()
        self._rested[app or kind] = gone_s
        self.kills.append(Kill(kind, at_s, gone_s, self.names.get(app, "")))


def runs(pid: int) -> bool:
    """A zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def recorded(plane: Plane) -> Sequence[tuple[str, Record]]:
    """(app id, record) of every instance that lives."""
    found = records.load(Paths.of(plane.data).instances)
    return [
        (app, record)
        for app, _, record in found
        if record.identity is not None and alive(record.identity)
    ]
