"""The worker for functions in JavaScript: the official runtime, and Python's contract."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.cli.main import main
from setpoint.drivers.builders.node import engine
from setpoint.drivers.builders.stack import candidates, find_python
from tests.integration.worker.conftest import Start
from tests.support.building import Yard, function
from tests.support.functions import EVENT, Answer, Calls, Worker, call, encoded, without
from tests.support.waiting import until

MAIN = """
import fs from "node:fs";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export default async function (event, context, logger) {
  const asked = event.data ?? {};
  switch (asked.do) {
    case "raise": throw new Error(asked.message);
    case "big": return 1n;
    case "circle": asked.itself = asked; return asked;
    case "reject": return Promise.reject("a string");
    case "nothing": return undefined;
    case "large": return "x".repeat(asked.size);
    case "exit": process.exit(3); break;
    case "sleep": await sleep(asked.s * 1000); break;
    case "block": for (const end = Date.now() + asked.s * 1000; Date.now() < end; ); break;
    case "later":
      setTimeout(() => { throw new Error("much later") }, 10);
      await sleep(60_000);
      break;
    case "channel": return [typeof process.send];
    case "log": logger.info("hello from the logger"); break;
    case "wait":
      fs.writeFileSync(asked.began, "");
      while (!fs.existsSync(asked.for)) await sleep(10);
  }
  return {
    asked,
    user: context.org.user.username,
    token: context.org.dataApi.accessToken,
  };
}
"""


def project_files(main: str = MAIN, /, **manifest: object) -> dict[str, str]:
    files = function(main="")
    del files["main.py"]
    whole = {"name": "hello", "version": "1.0.0", "type": "module", "main": "index.js", **manifest}
    lock = {"lockfileVersion": 3, "packages": {"": {"name": "hello", "version": "1.0.0"}}}
    return {
        **files,
        "package.json": json.dumps(whole),
        "package-lock.json": json.dumps(lock),
        "index.js": main,
    }


@pytest.fixture(scope="session")
def node_layer(uv_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if engine.machines_own(os.environ) is None:
        pytest.skip("this machine has no Node.js of its own")
    python = find_python(candidates({}), shared=False)
    yard = Yard(tmp_path_factory.mktemp("node-layer"), uv_cache, python)
    return yard.deps(yard.build(project_files()), "hello")


def written(folder: Path, files: dict[str, str]) -> Path:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    for name, text in files.items():
        (project / name).write_text(text)
    return project


@pytest.fixture
def start(node_layer: Path, tmp_path: Path) -> Iterator[Start]:
    workers: list[Worker] = []

    def go(files: dict[str, str] | None = None, **options: float) -> Worker:
        folder = tmp_path / f"worker-{len(workers)}"
        folder.mkdir()
        project = written(folder, files or project_files())
        python = Path(find_python(candidates({}), shared=False))
        workers.append(Worker(python, project, folder, node_layer, **options))
        return workers[-1]

    yield go
    for worker in workers:
        worker.stop()


@pytest.fixture(params=["javascript", "typescript"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The same function, as it is or as TypeScript's own compiler leaves it."""
    if request.param == "javascript":
        return project_files()
    if shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH")
    project = tmp_path / "hello"
    assert main(["functions", "new", str(project), "-l", "typescript"]) == 0
    (project / "src/index.ts").write_text(f"// @ts-nocheck\n{MAIN}")
    for command in (("npm", "ci", "--no-audit", "--no-fund"), ("npm", "run", "build")):
        subprocess.run(command, cwd=project, check=True, timeout=240, capture_output=True)
    return project_files((project / "dist/index.js").read_text())


def test_answers_are_those_of_the_official_server(
    start: Start, node_layer: Path, tmp_path: Path, files: dict[str, str]
) -> None:
    ours = start(files).started()
    project = written(tmp_path, files)
    cli = node_layer / "node_modules/@heroku/sf-fx-runtime-nodejs/bin/cli.js"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    official = subprocess.Popen(
        [node_layer / "bin/node", cli, "serve", project, "-h", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _connects(port), 30.0, "the official server is up")
        for data, headers in (
            ({"n": 1}, EVENT),
            (None, EVENT),
            ({"do": "raise", "message": "böse 日本 +%"}, EVENT),
            ({"do": "big"}, EVENT),
            ({"do": "circle"}, EVENT),
            ({"do": "reject"}, EVENT),
            ({"do": "nothing"}, EVENT),
            *(({}, without(name)) for name in EVENT),
            ({}, {**EVENT, "ce-specversion": "0.3"}),
            ({}, {**EVENT, "ce-time": "yesterday"}),
            ({}, {**EVENT, "ce-sffncontext": "%%%"}),
            ({}, {**EVENT, "ce-sfcontext": encoded("text")}),
            (None, {"x-health-check": "true", "content-type": "application/json"}),
            ({}, {"content-type": "application/json"}),
            ({}, {**EVENT, "ce-sfcontext": "%%%"}),
            ({}, {**EVENT, "content-type": "text/plain"}),
        ):
            one, two = ours.call(data, headers), call(port, data, headers)
            seen = [(a.status, a.body, a.content_type, _without_times(a)) for a in (one, two)]
            assert seen[0] == seen[1], (data, headers)
        assert ours.call({}, path="/x").status == call(port, {}, path="/x").status == 404
        assert ours.call({}, method="GET").status == call(port, {}, method="GET").status == 404
    finally:
        official.terminate()
        official.wait()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _without_times(answer: Answer) -> dict[str, object] | None:
    info = answer.info
    if info is None:
        return None
    stack = str(info.pop("stack", "")).split("\n")[0]
    info.pop("execTimeMs", None)
    return {**info, "stack": stack}


def test_context_is_completed_for_callers_that_leave_it_out(start: Start) -> None:
    worker = start().started()
    thin = {**EVENT, "ce-sffncontext": encoded({"id": "1", "functionName": "f.f"})}
    answer = worker.call({"n": 1}, thin)
    assert (answer.status, json.loads(answer.body)["token"]) == (200, "")


def test_each_invocation_leaves_one_line_and_the_first_is_cold(start: Start) -> None:
    worker = start().started()
    asked_ms = round(time.time() * 1000) - 5_000
    worker.call({"do": "log"}, {**EVENT, "x-request-start": str(asked_ms)})
    worker.call({"do": "raise", "message": "boom"}, {**EVENT, "ce-id": "a b\xe9" + "c" * 300})
    worker.call(None, {"x-health-check": "true"})
    lines = [line for line in worker.log.splitlines() if line.startswith("fn=")]
    one, two = (dict(word.split("=") for word in line.split(" ")) for line in lines)
    names = ["fn", "status", "run", "queue", "cold", "start", "peak", "id"]
    assert (list(one), list(two)) == (names, names)
    assert (one["fn"], one["status"], one["cold"], one["id"]) == ("hello", "200", "1", "id-1")
    assert 5_000 <= int(one["queue"].removesuffix("ms")) < 60_000
    assert (one["start"], two["queue"]) == ("fresh", "-")
    assert 10 < int(one["peak"].removesuffix("MB")) < 1_000
    assert (two["status"], two["cold"], two["id"]) == ("500", "0", "a?b?" + "c" * 196)
    told = json.loads(worker.told("served"))
    assert [call[0] for call in told["calls"]] == [200, 500]
    assert told["calls"][0][2] >= 5_000
    assert told["calls"][1][2] is None
    assert "hello from the logger" in worker.log


def test_full_worker_leaves_connections_in_the_queue(start: Start, tmp_path: Path) -> None:
    """A readable socket means: one more instance is wanted."""
    worker = start(limit=2).started()
    assert not worker.readable
    two = Calls(worker, tmp_path, 2).await_running()
    assert not worker.readable
    third = Calls(worker, tmp_path, 1)
    until(lambda: worker.readable, what="the third connection waits")
    assert two.join() == [200, 200]
    assert third.join() == [200]
    assert not worker.readable


def test_drain_answers_what_runs_and_leaves_the_queue_to_others(
    start: Start, tmp_path: Path
) -> None:
    worker = start(limit=2).started()
    two = Calls(worker, tmp_path, 2).await_running()
    with socket.socket(socket.AF_UNIX) as queued:
        queued.connect(worker.socket)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.record() == "draining"
        assert two.join() == [200, 200]
        assert worker.ended() == 0
        assert worker.readable


def test_idle_worker_ends_at_once_on_sigterm(start: Start) -> None:
    worker = start().started()
    worker.process.terminate()
    assert worker.ended() == 0
    assert worker.record() == "draining"


def test_silent_connections_do_not_hold_up_a_drain(start: Start) -> None:
    worker = start(limit=1).started()
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(worker.socket)
    until(lambda: not worker.readable, what="it is accepted")
    worker.process.terminate()
    assert worker.ended() == 0
    silent.close()


def test_many_at_once_are_all_answered(start: Start) -> None:
    worker = start(limit=10).started()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(worker.call({}).status)) for _ in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 100


def test_deadline_ends_an_invocation_and_not_the_others(start: Start) -> None:
    worker = start(deadline=1.0).started()
    late = worker.call({"do": "sleep", "s": 3})
    assert (late.status, late.body) == (504, "Function exceeded its deadline of 1 s")
    assert late.info is not None
    assert (late.info["statusCode"], late.info["isFunctionError"]) == (504, True)
    assert worker.call({}).status == 200


def test_function_that_goes_on_after_its_deadline_ends_its_instance(start: Start) -> None:
    worker = start(deadline=0.1).started()
    assert worker.call({"do": "sleep", "s": 60}).status == 504
    assert worker.ended() == 70
    assert worker.record() == "draining"


def test_function_that_blocks_past_its_deadline_ends_its_instance(start: Start) -> None:
    worker = start(deadline=0.1).started()
    with pytest.raises(OSError):
        worker.call({"do": "block", "s": 60})
    assert worker.ended() == 70
    assert "would not stop; ending this instance" in worker.log


def test_exit_in_a_function_is_that_invocations_error_alone(start: Start) -> None:
    worker = start().started()
    answer = worker.call({"do": "exit"})
    assert (answer.status, answer.body) == (500, "Function threw: process.exit(3) was called")
    assert worker.call({}).status == 200


def test_channel_to_the_accepting_process_is_out_of_a_functions_way(start: Start) -> None:
    worker = start().started()
    assert json.loads(worker.call({"do": "channel"}).body)[0] == "undefined"
    assert worker.call({}).status == 200


def test_error_nobody_catches_is_answered_and_ends_the_instance(start: Start) -> None:
    worker = start().started()
    answer = worker.call({"do": "later"})
    assert (answer.status, answer.body) == (500, "Function threw: much later")
    assert worker.ended() == 70
    assert "much later" in worker.log


def test_long_stack_is_cut_to_what_a_header_can_carry(start: Start) -> None:
    worker = start().started()
    answer = worker.call({"do": "raise", "message": "日本" * 30_000})
    assert answer.status == 500
    assert answer.raw_info is not None
    assert len(answer.raw_info) <= 32_000
    assert answer.info is not None
    assert "... shortened ..." in str(answer.info["stack"])


def test_answer_beyond_the_limit_is_an_error_that_says_so(start: Start) -> None:
    worker = start().started()
    assert worker.call({"do": "large", "size": 6 * 2**20 - 2}).status == 200
    answer = worker.call({"do": "large", "size": 6 * 2**20 - 1})
    assert answer.status == 500
    assert answer.body == "Function returned 6291457 bytes, which is more than the 6291456 allowed"
    assert answer.info is not None
    assert (answer.info["statusCode"], answer.info["isFunctionError"]) == (500, True)


def test_large_request_that_nobody_reads_still_gets_its_answer(start: Start) -> None:
    worker = start().started()
    for _ in range(10):
        assert worker.call({"x": "y" * 200_000}, path="/nowhere").status == 404
    assert worker.call({"x": "y" * 13_000_000}).status == 503


BROKEN = {
    "import fails": ("import 'nowhere-to-be-found'\n", "nowhere-to-be-found"),
    "exits": ("process.exit(0)\n", "process.exit(0) was called"),
    "no function": ("export default 1\n", "is not a function"),
    "syntax": ("export default {{\n", "Unexpected token"),
    "throws": ("throw new Error('at load')\n", "at load"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_function_that_cannot_be_loaded_says_why_and_exits_65(case: str, start: Start) -> None:
    main, words = BROKEN[case]
    worker = start(project_files(main))
    assert worker.ended() == 65
    assert words in worker.log
    assert worker.record() == ""


def test_main_that_is_missing_is_named(start: Start) -> None:
    worker = start(project_files("x", main="dist/index.js") | {"index.js": ""})
    assert worker.ended() == 65
    assert "Could not open function file specified by 'main' field" in worker.log


def test_function_in_commonjs_serves(start: Start) -> None:
    main = "module.exports = async (event) => ({ got: event.data })\n"
    worker = start(project_files(main, type="commonjs")).started()
    assert json.loads(worker.call({"n": 1}).body) == {"got": {"n": 1}}


def test_node_that_is_killed_takes_its_instance_along(start: Start) -> None:
    worker = start().started()
    children = Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text()
    os.kill(int(children.split()[0]), signal.SIGKILL)
    assert worker.ended() == 128 + signal.SIGKILL


@pytest.mark.parametrize("major", ["22", "24"])
def test_other_versions_of_node_serve(
    major: str, start: Start, uv_cache: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path
) -> None:
    if shutil.disk_usage(tmp_path).free < 2 * 1024**3:
        pytest.skip("less than 2 GiB of disk are free")
    yard = Yard(
        tmp_path_factory.mktemp(f"node-{major}"),
        uv_cache,
        find_python(candidates({}), shared=False),
    )
    slug = yard.build(project_files(engines={"node": f"{major}.x"}))
    assert slug.node.startswith(f"{major}.")
    folder = tmp_path / "other"
    folder.mkdir()
    worker = Worker(
        Path(yard.python), written(folder, project_files()), folder, yard.deps(slug, "hello")
    )
    try:
        worker.started()
        assert worker.call({"n": 1}).status == 200
        worker.process.terminate()
        assert worker.ended() == 0
    finally:
        worker.stop()
