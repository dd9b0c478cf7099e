"""What the edge costs: `python -m bench.edge`; the last line is one JSON object.

Direct and through the edge alternate in one run, so that load of the machine hits both alike. The
app is uvicorn with a bare ASGI app; Envoy and the agent are the real ones, as their own users.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.integration.edge.caller import read_head
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, a_world, facts_of, key_of, route_of, until, web

from bench.ports import free_port
from setpoint.formats.envoy.limits import Limits
from setpoint.model.process import Endpoint

GOALS = {
    "added_p50_ms": 1.0,
    "throughput_ratio": 0.30,
    "new_app_routed_p50_ms": 25.0,
    "endpoint_change_p50_ms": 10.0,
}
RATE, PACED_S, FLAT_S = 1000, 4.0, 3.0
PACED_CONNECTIONS, FLAT_CONNECTIONS = 16, 32
HOST = "app.localhost"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of direct and through, each")
    parser.add_argument("--apps", type=int, default=1000, help="present while one is added")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.rounds, options.apps))))


async def measure(rounds: int, apps: int) -> dict[str, object]:
    async with a_world(Limits()) as world:
        idle = rss(world)
        result: dict[str, object] = {"bench": "edge", "cores": os.cpu_count(), "rounds": rounds}
        result |= await compare(world, rounds)
        result |= {"own_connection": await connecting(world, rounds)}
        await fill(world, apps)
        result |= {"apps": apps, **await routing(world), **await moving(world)}
        result |= {"rss_mib": {"no app": idle, f"{apps} warm apps": rss(world)}}
    met = {name: holds(name, result[name]) for name in GOALS}
    return result | {"goals": GOALS, "met": met}


def holds(name: str, value: object) -> bool:
    assert isinstance(value, float)
    return value >= GOALS[name] if name == "throughput_ratio" else value <= GOALS[name]


# --- latency and throughput -------------------------------------------------------------------


async def compare(world: World, rounds: int) -> dict[str, object]:
    """Interleaved: direct, through, direct, through ..."""
    port = free_port()
    app = subprocess.Popen([sys.executable, "-c", APP, str(port)], stdin=subprocess.DEVNULL)
    try:
        await until(lambda: listens(port), "the app")
        key = key_of("app")
        world.supervisor.put(facts_of(key, Endpoint("ip", "127.0.0.1", port)))
        await world.route(route_of("app", web("app", key)))
        direct, through = list[float](), list[float]()
        flat_direct, flat_through = list[int](), list[int]()
        for _ in range(rounds):
            direct.append(p50(await paced(port)))
            through.append(p50(await paced(world.port)))
            flat_direct.append(await flat(port))
            flat_through.append(await flat(world.port))
    finally:
        app.kill()
        app.wait()
    added = statistics.median(t - d for d, t in zip(direct, through, strict=True)) / 1000
    ratio = statistics.median(t / d for d, t in zip(flat_direct, flat_through, strict=True))
    return {
        "rate": RATE,
        "direct_p50_us": [round(v) for v in direct],
        "through_p50_us": [round(v) for v in through],
        "added_p50_ms": round(added, 3),
        "direct_rps": [round(v / FLAT_S) for v in flat_direct],
        "through_rps": [round(v / FLAT_S) for v in flat_through],
        "throughput_ratio": round(ratio, 3),
    }


async def connecting(world: World, rounds: int) -> dict[str, object]:
    """A connection of its own for each request, as functions have, beside kept ones: the same app
    behind the same socket, in turn."""
    place = world.paths.functions / "connecting.sock"
    app = subprocess.Popen([sys.executable, "-c", APP, str(place)], stdin=subprocess.DEVNULL)
    try:
        await until(place.is_socket, "the app")
        socket = Endpoint("pipe", str(place))
        keys = {name: key_of(name) for name in ("kept", "own")}
        world.supervisor.put(facts_of(keys["kept"], socket))
        world.supervisor.put(facts_of(keys["own"], None, socket=socket))
        for name, key in keys.items():
            await world.route(route_of(name, web(name, key)))
        p50s: dict[str, list[float]] = {name: [] for name in keys}
        rates: dict[str, list[int]] = {name: [] for name in keys}
        for _ in range(rounds):
            for name in keys:
                p50s[name].append(p50(await paced(world.port, f"{name}.localhost")))
                rates[name].append(await flat(world.port, f"{name}.localhost"))
    finally:
        app.kill()
        app.wait()
    added = [own - kept for own, kept in zip(p50s["own"], p50s["kept"], strict=True)]
    return {
        "added_p50_ms": round(statistics.median(added) / 1000, 3),
        "added_each_ms": [round(us / 1000, 3) for us in added],
        "kept_rps": [round(count / FLAT_S) for count in rates["kept"]],
        "own_rps": [round(count / FLAT_S) for count in rates["own"]],
    }


APP = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})
at = {"port": int(sys.argv[1])} if sys.argv[1].isdigit() else {"uds": sys.argv[1]}
uvicorn.run(app, **at, log_level="error", lifespan="off", access_log=False)
"""


async def paced(port: int, host: str = HOST) -> list[float]:
    return await load(port, host, "paced", RATE, PACED_S, PACED_CONNECTIONS)


async def flat(port: int, host: str = HOST) -> int:
    return await load(port, host, "flat", 0, FLAT_S, FLAT_CONNECTIONS)


async def load(port: int, host: str, kind: str, rate: int, seconds: float, connections: int) -> Any:
    words = [str(port), host, kind, str(rate), str(seconds), str(connections)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", *words), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    return json.loads(output)


def p50(values: list[float]) -> float:
    return statistics.median(values)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- changes ----------------------------------------------------------------------------------


async def fill(world: World, apps: int) -> None:
    """So many warm apps, all confirmed."""
    endpoint = await world.tcp(Upstream("many"))
    for n in range(apps):
        key = key_of(f"many-{n:04}")
        world.supervisor.put(facts_of(key, endpoint))
        await world.edge.ensure_route(route_of(key.app, web(key.app, key)), None, "")
    await until(lambda: all_acked(world), f"{apps} routes")


async def all_acked(world: World) -> bool:
    return all(route.acked for route in await world.routes())


async def routing(world: World, times: int = 50) -> dict[str, object]:
    """From 'set it' to the first 200: cluster, endpoints and host of an app nobody knew."""
    endpoint, took = await world.tcp(Upstream("new")), list[float]()
    async with Poller(world) as poller:
        for n in range(times):
            key = key_of(f"new-{n:04}")
            began_s = time.perf_counter()
            world.supervisor.put(facts_of(key, endpoint))
            await world.edge.ensure_route(route_of(key.app, web(key.app, key)), None, "")
            await poller.until(f"{key.app}.localhost", lambda status, _: status == 200)
            took.append((time.perf_counter() - began_s) * 1000)
    return spread("new_app_routed", took)


async def moving(world: World, times: int = 50) -> dict[str, object]:
    """From 'it is there now' to the first answer from there."""
    names = ("left", "right")
    endpoints = [await world.tcp(Upstream(name)) for name in names]
    key, took = key_of("moving"), list[float]()
    world.supervisor.put(facts_of(key, endpoints[1]))
    await world.route(route_of("moving", web("moving", key)))
    async with Poller(world) as poller:
        for n in range(times):
            wanted = f'"name": "{names[n % 2]}"'.encode()
            began_s = time.perf_counter()
            world.supervisor.put(facts_of(key, endpoints[n % 2]))
            await poller.until("moving.localhost", lambda _, body, w=wanted: w in body)
            took.append((time.perf_counter() - began_s) * 1000)
    return spread("endpoint_change", took)


class Poller:
    """Asks over one kept connection, every millisecond."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __aenter__(self) -> "Poller":
        port = self._world.port
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def until(self, host: str, good: Callable[[int, bytes], bool]) -> None:
        while True:
            self._writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            status, headers = await read_head(self._reader)
            body = await self._reader.readexactly(int(headers["content-length"]))
            if good(status, body):
                return
            await asyncio.sleep(0.001)


def spread(name: str, took: list[float]) -> dict[str, object]:
    return {
        f"{name}_p50_ms": round(statistics.median(took), 2),
        f"{name}_max_ms": round(max(took), 2),
    }


def rss(world: World) -> dict[str, float]:
    assert world.agent is not None
    found = {"agent": world.agent.pid, "envoy": world.envoys[-1].pid}
    return {name: round(_rss_kib(pid) / 1024, 1) for name, pid in found.items()}


def _rss_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


if __name__ == "__main__":
    main()
