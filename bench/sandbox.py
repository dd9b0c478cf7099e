"""Sandboxed start against bare, to the first answer: `python -m bench.sandbox`.

The same program, interpreter and client, alternating, so that load hits both alike. Sandboxed is
what a supervisor does for a start: all walls, a forker, the runtime directory where it really is.
`web` is uvicorn with a Starlette app; `toy` is a bare socket server, whose start is nearly all
Python's own.
"""

import argparse
import compileall
import importlib.util
import json
import os
import random
import select
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.ports import free_port
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.paths import default_runtime
from setpoint.drivers.local.sandbox import Confinement, Forker, Identity, Launch
from setpoint.model.process import Endpoint

PACKAGES = ("uvicorn", "starlette", "anyio", "idna", "sniffio", "h11", "click", "typing_extensions")
APP = "bench"
ANSWER_S_MAX = 20.0
POLL_S = 0.0005
REQUEST = b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"
INTERPRETER = os.path.realpath(sys.executable)

WEB = """
import os
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def hello(request):
    return PlainTextResponse("hello")

app = Starlette(routes=[Route("/", hello)])
uvicorn.run(app, host="0.0.0.0", port=int(os.environ["PORT"]), log_level="warning")
"""

TOY = """
import os, socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["PORT"])))
listener.listen()
while True:
    with listener.accept()[0] as peer:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 5\\r\\n\\r\\nhello")
"""


@dataclass(frozen=True)
class Stage:
    """Everything that lasts over all starts, as a supervisor has it."""

    confinement: Confinement
    folder: Path
    runtime: Path
    reader: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=40, help="starts of each kind")
    n = parser.parse_args().n
    with stage() as made:
        result = {
            "bench": "sandbox",
            "level": made.confinement.level,
            "ingress": made.confinement.ingress,
            "interpreter": f"{INTERPRETER} {sys.version.split()[0]}",
            "n": n,
            "goal_ratio": 1.10,
            "web": compare(made, "web.py", n),
            "toy": compare(made, "toy.py", n),
        }
    print(json.dumps(result))


@contextmanager
def stage() -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="setpoint-bench-"))
    folder.chmod(0o711)
    with ExitStack() as after:
        after.callback(shutil.rmtree, folder)
        confinement = sandbox.probe(folder / "tools", f"bench{os.getpid()}")
        if confinement.cgroups is not None:
            after.callback(confinement.cgroups.remove_all)
        print(confinement.words)
        fill(folder / "slug")
        runtime = default_runtime(folder)
        runtime.mkdir(mode=0o711)
        after.callback(shutil.rmtree, runtime)
        forker = Forker(confinement.tools.forker, runtime)
        after.callback(forker.close)
        confinement = replace(confinement, forker=forker)
        after.callback(sandbox.drop_all, confinement, runtime)
        reader = sandbox.open_output(runtime / "output")
        after.callback(os.close, reader)
        yield Stage(confinement, folder, runtime, reader)


def fill(slug: Path) -> None:
    """A copy of the packages, since the virtual environment may be closed to app users."""
    slug.mkdir(mode=0o755)
    (slug / "web.py").write_text(WEB)
    (slug / "toy.py").write_text(TOY)
    (slug / "site").mkdir(mode=0o755)
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue
        source = Path(found.origin)
        if source.name == "__init__.py":
            shutil.copytree(source.parent, slug / "site" / name)
        else:
            shutil.copy(source, slug / "site")
    compileall.compile_dir(slug, quiet=1)


# --- measuring ----------------------------------------------------------------------------------


def compare(made: Stage, program: str, n: int) -> dict[str, float]:
    """Medians over n alternating starts; a first one of each is thrown away."""
    kinds: dict[str, Callable[[Stage, str, int], float]] = {"bare": bare, "sandboxed": sandboxed}
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(n + 1):
        for kind in random.sample(sorted(kinds), len(kinds)):
            elapsed_s = kinds[kind](made, program, turn)
            if turn:
                taken[kind].append(1000 * elapsed_s)
    bare_ms, boxed_ms = (statistics.median(taken[kind]) for kind in ("bare", "sandboxed"))
    return {
        "bare_ms": round(bare_ms, 2),
        "sandboxed_ms": round(boxed_ms, 2),
        "added_ms": round(boxed_ms - bare_ms, 2),
        "ratio": round(boxed_ms / bare_ms, 3),
        "bare_p90_ms": round(statistics.quantiles(taken["bare"], n=10)[-1], 2),
        "sandboxed_p90_ms": round(statistics.quantiles(taken["sandboxed"], n=10)[-1], 2),
    }


def bare(made: Stage, program: str, _: int) -> float:
    port = free_port()
    slug = made.folder / "slug"
    env = environment(slug, port)
    output = os.open(made.runtime / "output", os.O_RDWR)
    streams = [(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)]
    started_s = time.perf_counter()
    command = [INTERPRETER, str(slug / program)]
    pid = os.posix_spawn(INTERPRETER, command, env, file_actions=streams)
    try:
        await_answer(made, Endpoint(kind="ip", address="127.0.0.1", port=port))
        return time.perf_counter() - started_s
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(output)


def sandboxed(made: Stage, program: str, turn: int) -> float:
    confinement, port = made.confinement, free_port()
    started_s = time.perf_counter()
    spec = specification(made, program, turn, port)
    identity = sandbox.launch(confinement, spec)
    try:
        assert spec.ingress is not None
        await_answer(made, spec.ingress)
        return time.perf_counter() - started_s
    finally:
        clear(made, identity, spec)


def specification(made: Stage, program: str, turn: int, port: int) -> Launch:
    confinement, slug = made.confinement, made.folder / "slug"
    inside = confinement.inside(slug, "/app")
    prefix = Path(sys.base_prefix)
    netns = sandbox.prepare_app(confinement, made.runtime, APP)
    return Launch(
        name=f"web.{turn}",
        app=APP,
        argv=(INTERPRETER, f"{inside}/{program}"),
        env=environment(Path(inside), port),
        cwd=inside,
        binds=((slug, inside), *(() if str(prefix) == "/usr" else ((prefix, str(prefix)),))),
        uid=confinement.uids[0] if confinement.uids else None,
        memory_bytes_max=512 << 20,
        pids_max=256,
        cpu_weight=100,
        netns=netns,
        output=made.runtime / "output",
        status=made.runtime / "status",
        fds={},
        hostname="web-1",
        ingress=sandbox.endpoint(confinement, made.runtime, APP, port),
    )


def environment(slug: Path, port: int) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PORT": str(port),
        "PYTHONPATH": str(slug / "site"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def await_answer(made: Stage, endpoint: Endpoint) -> None:
    deadline_s = time.perf_counter() + ANSWER_S_MAX
    while not answers(endpoint):
        if time.perf_counter() > deadline_s:
            raise SystemExit(f"cannot measure: no answer; it said {os.read(made.reader, 65536)!r}")
        time.sleep(POLL_S)


def answers(endpoint: Endpoint) -> bool:
    family = socket.AF_UNIX if endpoint.kind == "relay" else socket.AF_INET
    address = endpoint.address if endpoint.kind == "relay" else (endpoint.address, endpoint.port)
    with socket.socket(family) as peer:
        if peer.connect_ex(address) != 0:
            return False
        peer.sendall(REQUEST)
        return peer.recv(4096).startswith(b"HTTP/1.1 200")


def clear(made: Stage, identity: Identity, spec: Launch) -> None:
    sandbox.kill(made.confinement, identity)
    ended = sandbox.open_pidfd(identity)
    if ended is not None:
        select.select([ended], [], [], ANSWER_S_MAX)
        os.close(ended)
    while not sandbox.forget(made.confinement, identity, spec.app, spec.name, spec.status):
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
