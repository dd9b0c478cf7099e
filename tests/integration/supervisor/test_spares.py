"""JavaScript functions start from processes that wait ready for them, or by themselves."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from setpoint.drivers.builders.node import engine
from setpoint.model.ids import Digest
from setpoint.model.process import Bounds, SetFacts, SetOrder
from setpoint.model.release import NODEJS
from setpoint.planning.pooling import WAITING
from tests.integration.supervisor.plane import MIB, Plane
from tests.integration.worker.test_node import project_files
from tests.support.building import Yard
from tests.support.functions import EVENT, Answer, call
from tests.support.processes import alive, descendants
from tests.support.waiting import until

MAIN = """
import fs from "node:fs";
const read = (path) => { try { return fs.readFileSync(path, "utf8") } catch { return "" } };
const real = process.exit;
export default async function (event, context, logger) {
  const asked = event.data ?? {};
  if (asked.do === "exit") process.kill(process.pid, "SIGKILL");
  if (asked.do === "abort") process.abort();
  if (asked.do === "large") return "x".repeat(5_000_000);
  if (asked.do === "hoard") for (const hoard = []; ; ) hoard.push({ n: hoard.length, more: [1] });
  if (asked.do === "wait") {
    console.log("it waits");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  if (asked.do === "eat") for (const hoard = []; ; ) hoard.push(Buffer.alloc(1 << 20, 1));
  const status = Object.fromEntries(
    read("/proc/self/status").split("\\n").map((line) => line.split(":\\t")));
  const wanted = ["Uid", "Gid", "Groups", "CapEff", "CapBnd", "Seccomp", "NoNewPrivs"];
  return {
    env: process.env,
    cwd: process.cwd(),
    argv: process.argv.length,
    hour: new Date(0).getHours(),
    walls: {
      status: wanted.map((key) => status[key]),
      mounts: read("/proc/self/mountinfo").split("\\n").map((line) => line.split(" ").slice(4, 6)),
      limits: read("/proc/self/limits"),
      oom: read("/proc/self/oom_score_adj"),
    },
  };
}
"""
FROM_A_SPARE = "Started from one that waited"
FRESH = "Started as a process of its own"


@pytest.fixture(scope="session")
def built(uv_cache: Path, python: str) -> Iterator[Path]:
    """Where every app's user may read it."""
    if engine.machines_own(os.environ) is None:
        pytest.skip("this machine has no Node.js of its own")
    folder = Path(tempfile.mkdtemp(prefix="spn-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        yard = Yard(folder, uv_cache, python)
        yield yard.deps(yard.build(project_files()), "hello")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def order(plane: Plane, built: Path) -> SetOrder:
    """A function that sleeps as soon as it can."""
    if plane.probe().level not in ("L2", "L3"):
        pytest.skip("needs namespaces: nothing waits without")
    layer = Digest(sha256(b"layer").hexdigest())
    target = plane.paths.layers / "deps" / layer
    target.parent.mkdir(parents=True)
    target.parent.chmod(0o755)
    target.parent.parent.chmod(0o755)
    target.symlink_to(built)
    return function(plane, "hello", Bounds(0, 2, 0.2), layer)


def function(plane: Plane, name: str, bounds: Bounds, layer: Digest | None) -> SetOrder:
    order = plane.order("shop", "", process=name, kind="function", bounds=bounds)
    files = {f"{at}/{file}": text for at in "fg" for file, text in project_files(MAIN).items()}
    spec = replace(order.spec, layer=layer, code=plane.code(files), folder="f", runtime=NODEJS)
    return replace(order, spec=replace(spec, memory_bytes_max=512 * MIB))


def lasting(order: SetOrder) -> SetOrder:
    return replace(order, bounds=replace(order.bounds, idle_s=600.0))


def named(order: SetOrder, name: str) -> SetOrder:
    key, spec = replace(order.key, process=name), replace(order.spec, process=name)
    return replace(order, key=key, spec=spec)


def asleep(facts: SetFacts) -> bool:
    return facts.ever_ready and not facts.instances


def ready_ever(plane: Plane) -> int:
    return plane.words().count(" spare.ready ")


def files_of_spares(plane: Plane) -> list[str]:
    return [path.name for path in plane.paths.instances.iterdir() if "@spare." in path.name]


def proven(plane: Plane, order: SetOrder, **environment: str) -> SetOrder:
    """Deployed: it got ready once, and its pool is full."""
    plane.apply(order, **environment)
    plane.when(order, asleep)
    until(lambda: ready_ever(plane) == WAITING, what="the pool is full")
    return order


def ask(plane: Plane, order: SetOrder, **data: object) -> dict:
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    answer = call(endpoint.address, data)
    assert answer.status == 200, (answer, plane.log("shop"))
    return json.loads(answer.body)


def starts(plane: Plane, how: str) -> int:
    return sum(line.text.startswith(how) for line in plane.log("shop"))


def spare_pids(plane: Plane) -> list[int]:
    """Of the processes that wait."""
    found = []
    for pid in descendants(plane.supervisor_pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "--control-fd" in words and "--args" not in words:
                found.append(pid)
    return found


def test_the_second_start_is_from_one_that_waits(plane: Plane, order: SetOrder) -> None:
    proven(plane, order, GREETING="secret-value", TZ="Etc/GMT-5")
    seen = ask(plane, order)
    assert starts(plane, FROM_A_SPARE) == 1
    assert seen["env"]["GREETING"] == "secret-value"
    assert seen["env"]["DYNO"] == "hello.1"
    assert seen["cwd"] == "/app/f"
    assert seen["hour"] == 5


def test_it_is_as_one_that_was_started_alone(plane: Plane, order: SetOrder) -> None:
    plane.apply(lasting(order), GREETING="hello")
    plane.ready(order)
    fresh = ask(plane, order)
    plane.apply(order, GREETING="hello")
    plane.when(order, asleep)
    until(lambda: ready_ever(plane) == WAITING, what="the pool is full")
    assert ask(plane, order) == fresh
    assert starts(plane, FROM_A_SPARE) == 1


def test_what_waits_holds_no_config_value(plane: Plane, order: SetOrder) -> None:
    proven(plane, order, GREETING="secret-value")
    pids = spare_pids(plane)
    assert len(pids) == WAITING
    for pid in pids:
        assert b"secret-value" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_the_pool_is_filled_again(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    for turn in range(1, 4):
        ask(plane, order)
        plane.when(order, asleep)
        until(lambda: ready_ever(plane) == WAITING + turn, what="another one waits")  # noqa: B023
    assert starts(plane, FROM_A_SPARE) == 3


def test_more_at_once_than_wait_are_started_fresh(plane: Plane, order: SetOrder) -> None:
    """And each of them answers."""
    orders = [order, *(named(order, name) for name in ("b", "c", "d", "e", "f"))]
    for each in orders:
        plane.apply(each)
    for each in orders:
        plane.when(each, asleep, 60.0)
    until(
        lambda: ready_ever(plane) - starts(plane, FROM_A_SPARE) == WAITING,
        what="the pool is full",
    )
    before = starts(plane, FROM_A_SPARE)
    answers: list[dict] = []
    callers = [
        threading.Thread(target=lambda each=each: answers.append(ask(plane, each)))
        for each in orders
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert {answer["env"]["DYNO"] for answer in answers} == {
        f"{each.key.process}.1" for each in orders
    }
    assert starts(plane, FROM_A_SPARE) - before >= WAITING
    plane.says("shop", f"{FRESH}: none waits that is ready")


@pytest.mark.parametrize(
    ("name", "value"), [("NODE_OPTIONS", "--no-warnings"), ("SF_FX_LOGLEVEL", "debug")]
)
def test_config_that_is_read_at_the_start_is_read(
    plane: Plane, order: SetOrder, name: str, value: str
) -> None:
    proven(plane, order, **{name: value})
    assert ask(plane, order)["env"][name] == value
    plane.says("shop", f"{FRESH}: ")
    assert any(name in line.text for line in plane.log("shop"))
    assert starts(plane, FROM_A_SPARE) == 0


def test_how_it_ended_is_known(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    with pytest.raises(http.client.HTTPException):
        ask(plane, order, do="exit")
    plane.when(order, lambda f: f.last_exit is not None and f.last_exit.code == 137)
    assert starts(plane, FROM_A_SPARE) >= 1
    plane.when(order, asleep)
    assert ask(plane, order)["cwd"] == "/app/f"


def test_one_that_needs_too_much_memory_is_told(plane: Plane, order: SetOrder) -> None:
    if plane.probe().level != "L3":
        pytest.skip("needs control groups: nothing bounds memory without")
    proven(plane, order)
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    others: list[Answer] = []
    waits = threading.Thread(target=lambda: others.append(call(endpoint.address, {"do": "wait"})))
    waits.start()
    until(lambda: any("it waits" in line.text for line in plane.log("shop")), what="it is asked")
    told = [call(endpoint.address, {"do": "eat"})]
    waits.join()
    for answer in told + others:
        assert answer.status == 500
        text = "Out of memory: the function needed more than the 512 MiB it has"
        assert answer.body == text
        info = json.loads(unquote(answer.raw_info or ""))
        assert (info["statusCode"], info["isFunctionError"], info["stack"]) == (500, True, text)
    plane.says("shop", "Error R15 (Memory quota vastly exceeded) -> Out of memory: it needed more")
    plane.says("shop", "setpoint: Out of memory: 2 invocations are answered with that")
    assert not any("gets no answer" in line.text for line in plane.log("shop"))
    assert ask(plane, order)["cwd"] == "/app/f"


def test_one_whose_heap_is_full_is_told_as_well(plane: Plane, order: SetOrder) -> None:
    """V8 gives up by itself, before the kernel would."""
    proven(plane, order)
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    assert call(endpoint.address, {"do": "hoard"}).body.startswith("Out of memory")


def test_one_that_aborts_or_is_killed_with_little_memory_blames_none(
    plane: Plane, order: SetOrder
) -> None:
    proven(plane, order)
    for do in ("exit", "abort"):
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(plane, order, do=do)
    assert not any("Out of memory" in line.text for line in plane.log("shop"))


def test_an_answer_that_has_begun_gets_no_other_one(plane: Plane, order: SetOrder) -> None:
    """It reads nothing of a large answer until the other has run out."""
    proven(plane, order)
    plane.apply(lasting(order))
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    body = json.dumps({"do": "large"}).encode()
    lines = ["POST / HTTP/1.1", "host: x", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in EVENT.items()]
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(30)
        slow.connect(endpoint.address)
        slow.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        got = slow.recv(1000)
        assert got.startswith(b"HTTP/1.1 200")
        assert call(endpoint.address, {"do": "eat"}).status == 500
        with contextlib.suppress(ConnectionResetError):
            while chunk := slow.recv(1 << 20):
                got += chunk
    assert b"Out of memory" not in got
    assert len(got) < 5_000_000


def test_a_killed_one_is_missed_by_nobody(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    for pid in spare_pids(plane):
        os.kill(pid, signal.SIGKILL)
    assert ask(plane, order)["cwd"] == "/app/f"
    until(lambda: ready_ever(plane) >= WAITING + 2, what="others wait")


def test_one_that_does_not_answer_is_passed_over(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    stopped = spare_pids(plane)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    assert ask(plane, order)["cwd"] == "/app/f"
    plane.says("shop", f"{FRESH}: cannot start")
    assert starts(plane, FROM_A_SPARE) == 0
    until(lambda: sum(map(alive, stopped)) == WAITING - 1, what="it has ended")
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_instance_outlives_its_supervisor(
    plane: Plane, order: SetOrder, how: signal.Signals
) -> None:
    """And those that wait do not."""
    proven(plane, order)
    plane.apply(lasting(order))
    ask(plane, order)
    ready, waiting = plane.ready(order), spare_pids(plane)
    plane.signal_supervisor(how)
    assert plane.facts(order).ready == ready
    until(lambda: sum(map(alive, waiting)) == 1, what="those that waited have ended")
    assert ask(plane, order)["env"]["DYNO"] == "hello.1"
    with pytest.raises(http.client.HTTPException):
        ask(plane, order, do="exit")
    plane.when(order, lambda f: f.last_exit is not None and f.last_exit.code == 137)
    assert ask(plane, order)["env"]["DYNO"] == "hello.1"
    until(lambda: ready_ever(plane) >= WAITING + 1, what="others wait")


def test_other_code_has_a_pool_of_its_own(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    before = spare_pids(plane)
    files = {f"f/{name}": text for name, text in project_files(MAIN + "\n").items()}
    spec = replace(order.spec, code=plane.code(files))
    hash = Digest(sha256(repr(spec).encode()).hexdigest())
    newer = replace(order, spec=spec, key=replace(order.key, spec_hash=hash))
    plane.apply(newer)
    plane.when(newer, asleep)
    plane.remove(order)
    plane.gone(order)
    until(lambda: not any(map(alive, before)), what="those of the old code are gone")
    until(lambda: ready_ever(plane) == 2 * WAITING, what="those of the new code wait")
    assert ask(plane, newer)["cwd"] == "/app/f"
    assert starts(plane, FROM_A_SPARE) == 1


def test_one_whose_code_was_laid_anew_is_not_taken(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    code = plane.paths.layers / "code" / order.spec.code
    shutil.copytree(code, code.with_name("new"))
    code.rename(code.with_name("old"))
    code.with_name("new").rename(code)
    assert ask(plane, order)["cwd"] == "/app/f"
    assert starts(plane, FROM_A_SPARE) == 0


def test_going_down_leaves_nothing_of_them(plane: Plane, order: SetOrder) -> None:
    proven(plane, order)
    assert files_of_spares(plane)
    plane.stop_apps()
    assert spare_pids(plane) == []
    assert not list(plane.paths.instances.iterdir())
