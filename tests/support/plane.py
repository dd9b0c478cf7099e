"""A whole control plane in a thread: real doors, store and loop over the simulated machine.

The machine runs in real time here, only quicker than real ones: builds and boots take 20 ms.
"""

import asyncio
import itertools
import json
import logging
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from setpoint.api.app import make_app
from setpoint.api.services import Installation, Services
from setpoint.cli import wire
from setpoint.converge.collector import Collector
from setpoint.converge.footing import Footing
from setpoint.converge.loop import Loop
from setpoint.drivers.git.repositories import Repositories
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.tickets import Tickets
from setpoint.drivers.local.uploads import Uploads
from setpoint.drivers.ports import Attachment
from setpoint.formats.control import LogLine
from setpoint.formats.terminal import Place
from setpoint.intents.door import Door
from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.clock import Moment
from setpoint.model.errors import Terminal, Transient
from setpoint.model.figures import EdgeFigures, Figures
from setpoint.model.ids import AppId, BuildId, JobId
from setpoint.model.log import EVERYTHING, LogFilter
from setpoint.model.release import Build, BuildRequest, ProcessType
from setpoint.model.retention import Disk, Ground, Headroom
from setpoint.store.sqlite import SqliteStore, open_in_memory
from setpoint.testing.edge import SimEdge
from setpoint.testing.machine import Machine
from setpoint.testing.programs import BY_DIGEST, Fate, Program
from setpoint.testing.supervisor import SimSupervisor
from setpoint.views.feed import Feed

T = TypeVar("T")
QUICK_S = 0.02
PROCESSES = [
    {"name": "daemon", "pid": 7, "up_s": 300.0, "rss_bytes": 47_000_000, "uid": 40001},
    {"name": "envoy", "pid": 8, "up_s": None, "rss_bytes": 0, "uid": None},
]
RENDEZVOUS_PORT = 5101
UPLOAD_BYTES_MAX = 64 * 1024
ROOMY = Disk(Headroom(80 * 10**9, 100 * 10**9, "/data"), 20, False)
FULL = Disk(
    Headroom(7 * 10**9, 100 * 10**9, "/data", 3_000_000_000),
    93,
    True,
    {"layers": 9_000_000_000},
    1.0,
)
TOKENS = {
    "root-token": Actor("dev", "dev@example.com", "admin"),
    "write-token": Actor("hand", "hand@example.com", "write"),
    "look-token": Actor("guest", "guest@example.com", "read"),
}


class Tokens:
    def check(self, token: str) -> Actor | None:
        return TOKENS.get(token)


@dataclass
class Spoken:
    """What builds and apps say. Implements drivers.ports.Tails."""

    build: bytes = b"installing six\ndone\n"
    lines: list[LogLine] = field(default_factory=list[LogLine])
    broken: Exception | None = None
    endless: bool = False

    async def logs(
        self, app: AppId, lines: int, follow: bool, only: LogFilter = EVERYTHING
    ) -> AsyncIterator[LogLine]:
        for line in [line for line in self.lines if line.kept_by(only)][-lines:]:
            yield line
        if self.broken is not None:
            raise self.broken
        if self.endless and follow:
            await asyncio.Event().wait()

    async def build_output(self, build: BuildId, follow: bool) -> AsyncIterator[bytes]:
        yield self.build


class NoTerminals:
    """The simulated machine has none. Implements drivers.ports.Terminals."""

    async def attach(self, app: AppId, job: JobId, place: Place) -> Attachment:
        raise Terminal("cannot attach: nothing here has a terminal")


class Supervisor(SimSupervisor):
    """Takes any source: what is in it is what the test says next."""

    processes: tuple[ProcessType, ...] = (ProcessType("web", "web", "serve"),)
    fate: Fate = "ready"
    errs_s = 0.0
    build_error = ""

    async def build(self, request: BuildRequest, environment: Mapping[str, str] = {}) -> None:
        BY_DIGEST[request.source] = Program(
            request.source,
            self.processes,
            build_s=QUICK_S,
            boot_s=QUICK_S,
            stop_s=QUICK_S,
            fate=self.fate,
            errs_s=self.errs_s,
        )
        if self.build_error:
            self.builds.facts[request.id] = Build(
                request.id,
                request.app,
                request.source,
                "failed",
                request.stack,
                message=self.build_error,
                started_at_s=1.0,
                ended_at_s=2.0,
            )
            self._tell(request.app)
        else:
            await super().build(request, environment)


@dataclass
class Invoked:
    """One request that reached the edge."""

    headers: dict[str, str]
    body: bytes


class FakeEdge(ThreadingHTTPServer):
    """Answers every invocation the same, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.status = 200
        self.answer = b'"hello"'
        self.headers: dict[str, str] = {}
        self.invoked: list[Invoked] = []


class _Visit(BaseHTTPRequestHandler):
    server: FakeEdge

    def do_POST(self) -> None:
        edge = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        edge.invoked.append(Invoked({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(edge.status)
        for name, value in {**edge.headers, "Content-Length": str(len(edge.answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(edge.answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a test that fails says enough."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Plane:
    """Use as a context manager. `data` is what `--data` names."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.paths = Paths(data, Path(tempfile.mkdtemp(prefix="sp-")))
        self.spoken = Spoken()
        self.visits = FakeEdge()
        self.disk = ROOMY
        self.ground = Ground()
        self.ahead_s = 0.0
        """how wrong the clock is, as the footing sees it"""
        self.footing: Footing | None = None
        self.collector: Collector
        self.supervisor: Supervisor
        self.store: SqliteStore
        self.feed: Feed
        self._loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._server: uvicorn.Server
        self._threads = (
            threading.Thread(target=lambda: asyncio.run(self._run())),
            threading.Thread(target=lambda: self.visits.serve_forever(0.01)),
        )

    def __enter__(self) -> "Plane":
        (self.data / "runtime").write_text(str(self.paths.runtime))
        self.paths.private.mkdir(mode=0o700)
        self.paths.token.write_text("root-token\n")
        self.paths.sources.mkdir()
        self.paths.repositories.mkdir()
        for thread in self._threads:
            thread.start()
        assert self._ready.wait(20), "the plane did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self.visits.shutdown()
        self.visits.server_close()
        for thread in self._threads:
            thread.join(20)
        shutil.rmtree(self.paths.runtime, ignore_errors=True)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the plane's own event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def wake(self, app: str) -> None:
        """The loop looks at it soon."""
        self._loop.call_soon_threadsafe(self._converge.wake, AppId(app))

    def unit(self, name: str) -> Unit | None:
        return self.call(self.store.unit_named(name))

    def config(self, name: str) -> dict[str, str]:
        unit = self.unit(name)
        assert unit is not None
        return self.call(self.store.reveal(unit.intent.config))

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "root-token",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Over the unix socket, as any client."""
        payload = (raw or b"") if body is None else json.dumps(body).encode()
        sent = {"Host": "localhost", "Content-Length": str(len(payload)), **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(20)
        link.connect(str(self.paths.api_socket))
        with wire.exchange(link, method, path, sent, payload) as answer:
            found = {name.lower(): value for name, value in answer.headers}
            return Answer(answer.status, found, answer.read())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.store = open_in_memory()
        self.supervisor = Supervisor(self._loop, Machine(self._loop))
        tokens = (f"t{n}" for n in itertools.count(1))
        converge = Loop(
            self.store,
            self.supervisor,
            SimEdge(self._loop, self.supervisor),
            now=self._loop.time,
            luck=lambda: 0.5,
            new_token=lambda: next(tokens),
            log=logging.getLogger("test"),
        )
        self.collector = Collector(
            self.store,
            self.supervisor,
            now=self._loop.time,
            luck=lambda: 0.5,
            new_token=lambda: next(tokens),
            log=logging.getLogger("test"),
            doubt=lambda: "",
        )
        self.footing = Footing(
            self.store,
            moment=self._moment,
            ground=lambda: self.ground,
            log=logging.getLogger("test"),
            look_s=QUICK_S,
        )
        self.feed = Feed(self.store, self._loop.time)
        self.figures: Figures | None = Figures()
        self.answered: EdgeFigures | None = EdgeFigures(0.0)
        self._converge = converge
        self._server = _Server(self._config(converge), self._ready)
        endless = (converge.run(), self.feed.run(), self.footing.run())
        working = [asyncio.create_task(task) for task in endless]
        try:
            await self._server.serve()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await self.store.close()

    def _moment(self) -> Moment:
        return Moment("boot", self._loop.time(), self._loop.time() + self.ahead_s)

    def _config(self, converge: Loop) -> uvicorn.Config:
        return uvicorn.Config(
            make_app(self._services(converge.wake)),
            uds=str(self.paths.api_socket),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )

    async def _figures(self) -> Figures:
        if self.figures is None:
            raise Transient("cannot reach the supervisor")
        return self.figures

    async def _answered(self) -> EdgeFigures:
        if self.answered is None:
            raise Transient("cannot reach the edge")
        return self.answered

    def over(self, store: SqliteStore) -> ASGIApp:
        """The doors alone, in the running loop: nothing converges what is asked for. Nothing is
        started, so this plane is no context then."""
        self._loop, self.store = asyncio.get_running_loop(), store
        self.feed = Feed(store, time.time)
        return make_app(self._services(lambda _: None))

    def _services(self, wake: Callable[[AppId], None]) -> Services:
        ids = (f"00000000-0000-4000-8000-{n:012}" for n in itertools.count(1))
        tokens = (f"secret-{n}" for n in itertools.count(1))
        return Services(
            door=Door(
                self.store,
                wake,
                lambda: next(ids),
                lambda: next(tokens),
                lambda: self.disk.headroom,
            ),
            store=self.store,
            feed=self.feed,
            tails=self.spoken,
            terminals=NoTerminals(),
            uploads=Uploads(self.paths.sources, UPLOAD_BYTES_MAX),
            repositories=Repositories(self.paths.repositories),
            tokens=Tokens(),
            tickets=Tickets(b"key"),
            capabilities=lambda: self.supervisor.capabilities,
            now=self._loop.time,
            new_id=lambda: next(ids),
            plane=lambda: {"processes": PROCESSES},
            disk=lambda: self.disk,
            conditions=lambda: self.footing.conditions if self.footing is not None else (),
            collect=lambda dry_run: self.collector.collect(dry_run),
            figures=self._figures,
            answered=self._answered,
            installation=Installation(
                "0.0-test", self.visits.server_port, rendezvous_port=RENDEZVOUS_PORT
            ),
        )


class _Server(uvicorn.Server):
    """In a thread that is not the main one there are no signals to catch."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._ready.set()
