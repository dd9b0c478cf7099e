"""What the API's doors cost, without a network: `python -m bench.api`.

The real doors, intents and SQLite store on a disk, beside a thousand apps that each have config, a
release and a formation; requests are handed to the application as a server would, one after the
other. In turn with a handler of the bare framework, which reads as large a body and answers with as
large a one out of memory: the least that any door can cost. The last line is one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message
from tests.support.plane import Plane

from bench.store import created, document, percentile, portions
from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build, ProcessType, Slug
from setpoint.store.sqlite import SqliteStore, open_store
from setpoint.testing.supervisor import CAPABILITIES

GOALS = {"read_p50_ms": 5.0, "write_p50_ms": 10.0}
APPS = 1000
SEED = 1
TOKEN = b"Bearer root-token"
READS: dict[str, Callable[[str], str]] = {
    "one app": lambda app: f"/apps/{app}",
    "200 apps of 1,000": lambda _: "/apps",
    "how 1,000 apps are": lambda _: "/v1/status",
    "a formation": lambda app: f"/apps/{app}/formation",
    "config vars": lambda app: f"/apps/{app}/config-vars",
    "releases": lambda app: f"/apps/{app}/releases",
    "an app with all that is known": lambda app: f"/v1/apps/{app}",
}
WRITES: dict[str, Callable[[str, int], tuple[str, str, object]]] = {
    "a config var": lambda app, n: ("PATCH", f"/apps/{app}/config-vars", {"VISITORS": str(n)}),
    "a scale": lambda app, n: ("PATCH", f"/apps/{app}/formation/web", {"quantity": 1 + n % 9}),
    "maintenance": lambda app, n: ("PATCH", f"/apps/{app}", {"maintenance": bool(n % 2)}),
    "a new app": lambda _, n: ("POST", "/apps", {"name": f"fresh-{n}"}),
}


@dataclass
class Times:
    """Milliseconds of one thing that is asked for, and of the bare handler in turn with it."""

    ours: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])

    def told(self) -> dict[str, float]:
        return {
            "p50_ms": round(percentile(self.ours, 50), 3),
            "p99_ms": round(percentile(self.ours, 99), 3),
            "bare_p50_ms": round(percentile(self.bare, 50), 3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=int, default=1000, help="of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), options.asked))))


async def measure(folder: Path, asked: int) -> dict[str, object]:
    store = open_store(folder / "api.db", folder / "api.key")
    plane = Plane(folder)
    try:
        app = plane.over(store)
        names = await seeded(store, app)
        reads = {what: await read(app, names, path, asked) for what, path in READS.items()}
        writes = {what: await write(app, names, make, asked) for what, make in WRITES.items()}
    finally:
        plane.visits.server_close()
        await store.close()
    worst = {
        "read_p50_ms": max(times["p50_ms"] for times in reads.values()),
        "write_p50_ms": max(times["p50_ms"] for times in writes.values()),
    }
    return {
        "bench": "api",
        "apps": APPS,
        "asked": asked,
        "reads": reads,
        "writes": writes,
        **worst,
        "goals": GOALS,
        "met": {name: worst[name] <= goal for name, goal in GOALS.items()},
    }


# --- what is there --------------------------------------------------------------------------------


async def seeded(store: SqliteStore, app: ASGIApp) -> list[str]:
    """The names of the apps: each has config vars, and a release with a web process."""
    intents = (msgspec.structs.replace(document(n), config={}) for n in range(APPS))
    units = await created(store, list(intents))
    config = json.dumps({f"KEY_{n}": "value" for n in range(9)}).encode()
    for portion in portions(unit.name for unit in units):
        paths = (f"/apps/{name}/config-vars" for name in portion)
        await asyncio.gather(*(_asked(app, "PATCH", path, config) for path in paths))
        await asyncio.gather(*(_released(store, name) for name in portion))
    return [unit.name for unit in units]


async def _released(store: SqliteStore, name: str) -> None:
    unit = await store.unit_named(name)
    assert unit is not None
    slug = Slug(Digest("1" * 64), (ProcessType("web", "web", "serve"),), CAPABILITIES.stack, "")
    source = Digest("0" * 64)
    build = Build(
        BuildId(f"b-{unit.id}"), unit.id, source, "succeeded", CAPABILITIES.stack, slug=slug
    )
    await store.record_build(build)
    now_s = time.time()
    config, change = unit.intent.config, unit.shape_change
    release = await store.cut_release(unit.id, build, config, "Deploy", change, now_s)
    assert release is not None
    await store.settle_release(unit.id, release.version, True, "")


# --- one kind of request --------------------------------------------------------------------------


async def read(
    app: ASGIApp, names: list[str], path: Callable[[str], str], asked: int
) -> dict[str, float]:
    luck, times = random.Random(SEED), Times()
    _, size = await _asked(app, "GET", path(names[0]), b"")
    bare = _bare(size)
    for _ in range(asked):
        where = path(luck.choice(names))
        times.ours.append(await _timed(lambda at=where: _asked(app, "GET", at, b"")))
        times.bare.append(await _timed(lambda at=where: _asked(bare, "GET", at, b"")))
    return times.told()


_numbers: Iterator[int] = itertools.count(1)


async def write(
    app: ASGIApp,
    names: list[str],
    make: Callable[[str, int], tuple[str, str, object]],
    asked: int,
) -> dict[str, float]:
    luck, times, bare = random.Random(SEED), Times(), _bare(0)
    for _ in range(asked):
        method, path, said = make(luck.choice(names), next(_numbers))
        body = json.dumps(said).encode()
        began_s = time.perf_counter()
        _, size = await _asked(app, method, path, body)
        times.ours.append((time.perf_counter() - began_s) * 1000)
        bare = _bare(size) if not times.bare else bare
        times.bare.append(
            await _timed(lambda m=method, p=path, b=body: _asked(bare, m, p, b))  # noqa: B023
        )
    return times.told()


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await ask()
    return (time.perf_counter() - began_s) * 1000


async def _asked(app: ASGIApp, method: str, path: str, body: bytes) -> tuple[int, int]:
    """(status, bytes of the answer)"""
    sent = iter((body,))
    status, size = 0, 0

    async def receive() -> Message:
        return {"type": "http.request", "body": next(sent, b""), "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, size
        status = message.get("status", status)
        size += len(message.get("body", b""))

    headers = [(b"host", b"localhost"), (b"authorization", TOKEN)]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    await app(scope, receive, send)
    assert status < 300, f"{method} {path}: {status}"
    return status, size


def _bare(size: int) -> ASGIApp:
    """The framework, and nothing in it."""
    answer = b" " * size

    async def handle(request: Request) -> Response:
        await request.body()
        return Response(answer, 200, media_type="application/json")

    methods = ["GET", "POST", "PATCH"]
    paths = ("/v1/status", "/apps", "/apps/{app}", "/apps/{app}/{rest:path}", "/v1/apps/{app}")
    return Starlette(routes=[Route(path, handle, methods=methods) for path in paths])


if __name__ == "__main__":
    main()
