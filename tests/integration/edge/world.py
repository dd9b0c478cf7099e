"""A whole edge for tests: the real agent and Envoy as processes, a supervisor that only talks."""

import asyncio
import contextlib
import dataclasses
import inspect
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from setpoint.drivers.envoy.binary import EnvoyStart, prepare_envoy
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.local.paths import Paths
from setpoint.formats.envoy.limits import Limits
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Endpoint, Instance, Phase, SetFacts
from setpoint.model.route import Backend, Route, RouteFacts
from setpoint.processes.accounts import accounts
from setpoint.processes.preflight import bind_unix, free_port, make_folders
from tests.integration.edge.caller import Answer, call
from tests.integration.edge.supervisor import FakeSupervisor
from tests.integration.edge.upstream import Upstream

SCALED = Limits(
    headers_s=1.0,
    first_byte_s=0.6,
    idle_s=1.2,
    unused_s=0.3,
    hold_s=2.0,
    check_s=3.0,
    cold_idle_s=4.0,
    function_s=1.0,
)
"""Heroku's limits, small enough to be waited for.

Held: twice as long as it takes until the edge tells a supervisor again that a set is wanted.
"""

PATIENCE_S = 30.0
ROOT = Path(__file__).parents[3]


async def until(condition: Callable[[], object], what: str) -> None:
    """Polls; `condition` may be a plain or an async function."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = condition()
                if await found if inspect.isawaitable(found) else found:
                    return
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S:g} s: {what}") from None


def key_of(app: str, process: str = "web", hash_: str = "a") -> SetKey:
    return SetKey(AppId(app), process, Digest(hash_ * 64))


def facts_of(
    key: SetKey,
    *endpoints: Endpoint | None,
    phase: Phase = Phase.READY,
    bounds: Bounds = Bounds(1, 1),
    **fields: object,
) -> SetFacts:
    instances = tuple(
        Instance(InstanceId(f"{key.process}.{n}-{key.app[:6]}"), n, phase, 0.0, 0.0, endpoint)
        for n, endpoint in enumerate(endpoints, 1)
    )
    facts = SetFacts(key, Fence(1, 1), bounds, 1, instances)
    return msgspec.structs.replace(facts, **fields)


def route_of(app: str, *backends: Backend, generation: int = 1) -> Route:
    return Route(AppId(app), app, backends, Fence(1, generation))


def web(app: str, target: SetKey | None, *, hold: bool = False, host: str = "") -> Backend:
    return Backend((host or f"{app}.localhost",), "web", "web", target, hold)


def function(app: str, name: str, target: SetKey, *, hold: bool = False) -> Backend:
    return Backend((f"{name}--{app}.localhost",), "function", name, target, hold, keyed=True)


@dataclass
class World:
    paths: Paths
    port: int
    limits: Limits
    supervisor: FakeSupervisor
    listener: socket.socket
    start: EnvoyStart
    edge: EdgeClient
    agent: subprocess.Popen[bytes] | None = None
    envoys: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    _servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])

    # --- processes ------------------------------------------------------------------------

    def start_agent(self) -> None:
        who, fd = accounts(), self.listener.fileno()
        environment = {
            "SETPOINT_DATA": str(self.paths.data),
            "SETPOINT_RUNTIME": str(self.paths.runtime),
            "SETPOINT_FDS": f"control={fd}",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        }
        environment |= {k: v for k, v in os.environ.items() if k == "SETPOINT_UID_BASE"}
        if who.edge is not None:
            environment |= {"SETPOINT_UID": str(who.edge), "SETPOINT_GID": str(who.plane)}
        with open(self.paths.plane_logs / "agent.log", "ab") as log:
            self.agent = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.edge.agent_main", self._limits_text()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(fd,),
            )

    def _limits_text(self) -> str:
        return msgspec.json.encode(self.limits).decode()

    def start_envoy(self, epoch: int = 0) -> subprocess.Popen[bytes]:
        """As the keeper does: by its descriptor, as its own user, with nothing inherited."""
        who = accounts()
        with open(self.paths.plane_logs / "envoy.log", "ab") as log:
            envoy = subprocess.Popen(
                self.start.argv(epoch),
                env={},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.start.fds,
                user=who.envoy,
                group=who.envoy,
                extra_groups=() if who.envoy is not None else None,
                cwd="/",
            )
        self.envoys.append(envoy)
        return envoy

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    async def up(self) -> None:
        """Agent and Envoy serve: an unknown host gets its 404."""
        await self.answers(lambda a: a.status == 404, "nobody.localhost")

    async def answers(self, good: Callable[[Answer], bool], host: str, path: str = "/") -> Answer:
        """Asks again and again until the answer is good."""
        last: object = "no answer"
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    with contextlib.suppress(OSError, EOFError):
                        last = answer = await self.get(host, path)
                        if good(answer):
                            return answer
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"{host}{path} last said {last}\n{self.logs()}") from None

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.paths.plane_logs.iterdir())
        )

    # --- apps -----------------------------------------------------------------------------

    async def tcp(self, upstream: Upstream) -> Endpoint:
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=2**20)
        self._servers.append(server)
        return Endpoint("ip", "127.0.0.1", server.sockets[0].getsockname()[1])

    async def pipe(self, upstream: Upstream, name: str) -> Endpoint:
        path = self.paths.functions / name
        server = await asyncio.start_unix_server(upstream.serve, path, limit=2**20, backlog=4096)
        path.chmod(0o666)
        self._servers.append(server)
        return Endpoint("pipe", str(path))

    async def route(self, route: Route, key: str = "") -> None:
        """Set, and confirmed by Envoy."""
        await self.edge.ensure_route(route, None, key)
        await until(lambda: self.acked(route.app), f"Envoy to confirm {route.app}")

    async def routes(self) -> list[RouteFacts]:
        """All of them."""
        return [route async for part in self.edge.everything() for route in part]

    async def acked(self, app: str) -> bool:
        return any(r.acked for r in await self.edge.observe([AppId(app)]))

    async def acked_again(self, app: str) -> bool:
        """The agent may be on its way back."""
        with contextlib.suppress(Transient):
            return await self.acked(app)
        return False

    async def app(
        self, app: str, upstream: Upstream | None = None, host: str = "", **fields: object
    ) -> Upstream:
        """One web app with one instance, reachable."""
        upstream = upstream or Upstream(app)
        key = key_of(app)
        self.supervisor.put(facts_of(key, await self.tcp(upstream), **fields))  # type: ignore[arg-type]
        await self.route(route_of(app, web(app, key, host=host)))
        return upstream

    async def get(self, host: str, path: str = "/", **fields: object) -> Answer:
        return await call(self.port, host, path, **fields)  # type: ignore[arg-type]

    async def line(self, *parts: str) -> str:
        """The router line that contains all of these."""

        def found() -> list[str]:
            return [ln for ln in self.supervisor.lines() if all(p in ln for p in parts)]

        await until(found, f"a router line with {parts} in {self.supervisor.lines()}")
        return found()[-1]

    async def close(self) -> None:
        for process in (self.agent, *self.envoys):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        for server in self._servers:
            server.close()
        await self.supervisor.stop()
        self.listener.close()
        os.close(self.start.executable)
        for left in Path("/dev/shm").glob(f"envoy_shared_memory_{self.start.base_id}*"):
            left.unlink()
        shutil.rmtree(self.paths.data)
        shutil.rmtree(self.paths.runtime)


@contextlib.asynccontextmanager
async def a_world(limits: Limits = SCALED, *, running: bool = True) -> AsyncIterator[World]:
    paths = Paths(
        Path(tempfile.mkdtemp(prefix="edgetest-d-")), Path(tempfile.mkdtemp(prefix="edgetest-r-"))
    )
    who = accounts()
    make_folders(paths, who)
    port = free_port(0, "the edge", "--edge-port")
    supervisor = FakeSupervisor(paths.supervisor_socket)
    await supervisor.start()
    world = World(
        paths,
        port,
        limits,
        supervisor,
        bind_unix(paths.edge_socket, uid=who.edge, gid=who.plane, mode=0o660),
        dataclasses.replace(prepare_envoy(paths, port, who.envoy, limits), drain_s=1, parent_s=2),
        EdgeClient(paths.edge_socket),
    )
    try:
        if running:
            world.start_agent()
            world.start_envoy()
            await world.up()
        yield world
    finally:
        await world.close()
