"""Who asks the apps all the while, each time over a new connection; and what a kill explains."""

import http.client
import math
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.acceptance.plane import Plane
from tests.soak.killer import Kill

THREADS = 8
ANSWER_S_MAX = 30.0


@dataclass(frozen=True)
class Failure:
    """One request that was not answered well. Monotonic seconds."""

    app: str
    began_s: float
    ended_s: float
    what: str

    def excused_by(self, kill: Kill) -> bool:
        """Was it in flight in what was killed? Nor can anything connect while there is no Envoy;
        how long that is, is judged by itself."""
        hit = kill.kind == "envoy" or (kill.kind == "instance" and kill.app == self.app)
        return hit and self.began_s <= kill.gone_s and self.ended_s >= kill.at_s


@dataclass
class Visitors:
    """`rate` requests a second in all, spread over the apps, for as long as the context lasts."""

    plane: Plane
    apps: Sequence[str]
    rate: float
    seed: int
    answered_s: list[float] = field(default_factory=list[float])
    """when each request began that was answered well, monotonic"""
    failures: list[Failure] = field(default_factory=list[Failure])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> "Visitors":
        self._threads = [threading.Thread(target=self._visit, args=(n,)) for n in range(THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        luck = random.Random(f"{self.seed}/visitor/{number}")
        while not self._over.wait(luck.expovariate(self.rate / THREADS)):
            self._ask(luck.choice(self.apps))

    def _ask(self, app: str) -> None:
        began_s = time.monotonic()
        try:
            answer = self.plane.get(app, timeout_s=ANSWER_S_MAX)
            wrong = "" if answer.status == 200 else f"{answer.status} {answer.text[:200]}"
        except (OSError, http.client.HTTPException) as error:
            wrong = repr(error)
        with self._lock:
            if wrong:
                self.failures.append(Failure(app, began_s, time.monotonic(), wrong))
            else:
                self.answered_s.append(began_s)

    @property
    def answered(self) -> int:
        return len(self.answered_s)


def served_again(answered_s: Sequence[float], kills: Sequence[Kill]) -> int:
    """After how many of these somebody who came new was answered, before the next of them."""
    ends_s = [*(kill.at_s for kill in kills[1:]), math.inf]
    return sum(
        any(kill.at_s < began_s < end_s for began_s in answered_s)
        for kill, end_s in zip(kills, ends_s, strict=True)
    )


def unexplained(failures: Sequence[Failure], kills: Sequence[Kill]) -> list[Failure]:
    return [f for f in failures if not any(f.excused_by(kill) for kill in kills)]
