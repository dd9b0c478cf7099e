"""A plane to measure: the acceptance tests' own, asked by API, and loaded at a constant rate."""

import http.client
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.plane import Plane, fresh_plane

from setpoint.drivers.local import records
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.sandbox import Identity
from setpoint.model.ids import InstanceId

ANSWER_S_MAX = 60.0


@contextmanager
def measured_plane() -> Generator[Plane]:
    """Up, and down again with all it made: a hundred instances left over would be in the next
    measurement, so a `down` that fails is no small matter."""
    with fresh_plane() as plane:
        runtime = plane.runtime
        yield plane
        plane.ok("down")
    shutil.rmtree(runtime)


def ask(plane: Plane, method: str, path: str, body: object = None) -> Any:
    """The API, once."""
    answer = plane.api(method, path, body, timeout_s=ANSWER_S_MAX)
    assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:300]!r}"
    return answer.json


def deploy(plane: Plane, app: str, files: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as source:
        for name, text in files.items():
            Path(source, name).write_text(text)
        plane.ok("deploy", source, "-a", app)


def identities(plane: Plane) -> dict[InstanceId, Identity]:
    """Which processes each instance consists of, by the supervisor's records."""
    found = records.load(Paths.of(plane.data).instances)
    return {r.instance.id: r.identity for _, _, r in found if r.identity is not None}


@dataclass
class Visitors:
    """`rate` requests a second through the real edge, for as long as the context lasts.

    Each has a connection of its own. A late answer delays nobody else's question, and its time
    counts from when the question was due.
    """

    plane: Plane
    app: str
    rate: float
    threads: int = 8
    took_ms: list[float] = field(default_factory=list[float])
    failures: list[str] = field(default_factory=list[str])
    _over: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> "Visitors":
        began_s = time.monotonic()
        for n in range(self.threads):
            first_s = began_s + n / self.rate
            self._running.append(threading.Thread(target=self._visit_from, args=(first_s,)))
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._running:
            thread.join()

    def _visit_from(self, due_s: float) -> None:
        while not self._over.wait(max(0.0, due_s - time.monotonic())):
            self._visit(due_s)
            due_s += self.threads / self.rate

    def _visit(self, due_s: float) -> None:
        try:
            answer = self.plane.get(self.app)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
            return
        self.took_ms.append((time.monotonic() - due_s) * 1000)
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.text[:300]}")
