"""A worker's life: it loads or says why not, takes so much and no more, and ends in order."""

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.integration.worker.conftest import Start, built, newer_python, write_project
from tests.support.functions import EVENT, Calls, Worker
from tests.support.waiting import until


def test_each_invocation_leaves_one_line_and_the_first_is_cold(start: Start) -> None:
    worker = start().started()
    asked_ms = round(time.time() * 1000) - 5_000
    worker.call({}, {**EVENT, "x-request-start": str(asked_ms)})
    worker.call({"do": "raise", "message": "boom"}, {**EVENT, "ce-id": "a b\xe9" + "c" * 300})
    worker.call({}, {"x-health-check": "true"})
    lines = [line for line in worker.log.splitlines() if line.startswith("fn=")]
    first, second = (line.split(" ") for line in lines)
    one, two = (dict(word.split("=") for word in words) for words in (first, second))
    names = ["fn", "status", "run", "queue", "cold", "start", "peak", "id"]
    assert (list(one), list(two)) == (names, names)
    assert (one["fn"], one["status"], one["cold"], one["id"]) == ("hello", "200", "1", "id-1")
    assert one["run"].endswith("ms")
    assert 5_000 <= int(one["queue"].removesuffix("ms")) < 60_000
    assert (one["start"], two["queue"]) == ("fresh", "-")
    assert 10 < int(one["peak"].removesuffix("MB")) < 1_000
    assert (two["status"], two["cold"], two["id"]) == ("500", "0", "a?b?" + "c" * 196)
    told = json.loads(worker.told("served"))
    assert [call[0] for call in told["calls"]] == [200, 500]
    assert told["calls"][0][2] >= 5_000
    assert told["calls"][1][2] is None
    assert told["peak_kib"] // 1024 == int(two["peak"].removesuffix("MB"))


@pytest.mark.parametrize("moment", ["", "soon", "-5", "9" * 40])
def test_a_moment_that_is_none_is_no_queue_time(start: Start, moment: str) -> None:
    worker = start().started()
    assert worker.call({}, {**EVENT, "x-request-start": moment}).status == 200
    assert " queue=- " in worker.log


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


def test_deadline_ends_an_invocation_and_not_the_others(start: Start, tmp_path: Path) -> None:
    worker = start(deadline=1.0).started()
    late = worker.call({"do": "sleep", "s": 60})
    assert late.status == 504
    assert late.body == '"Function exceeded its deadline of 1 s"'
    assert late.info is not None
    assert (late.info["statusCode"], late.info["isFunctionError"]) == (504, True)
    assert worker.call({}).status == 200


def test_function_that_blocks_past_its_deadline_ends_its_instance(start: Start) -> None:
    worker = start(deadline=0.1).started()
    with pytest.raises(OSError):
        worker.call({"do": "block", "s": 60})
    assert worker.ended() == 70
    assert "would not stop; ending this instance" in worker.log
    assert 'main.py", line' in worker.log


def test_silent_connections_do_not_hold_up_a_drain(start: Start) -> None:
    worker = start(limit=1).started()
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(worker.socket)
    until(lambda: not worker.readable, what="it is accepted")
    worker.process.terminate()
    assert worker.ended() == 0
    silent.close()


def test_large_request_that_nobody_reads_still_gets_its_answer(start: Start) -> None:
    worker = start().started()
    for _ in range(20):
        assert worker.call({"x": "y" * 200_000}, path="/nowhere").status == 404


BROKEN = {
    "import fails": ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
    "exits": ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    "not async": ("def function(event, context): ...\n", "must be an async function"),
    "no function": ("x = 1\n", "function"),
    "syntax": ("def broken(:\n", "SyntaxError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_function_that_cannot_be_loaded_says_why_and_exits_65(
    case: str, layer: Path, tmp_path: Path
) -> None:
    main, words = BROKEN[case]
    worker = Worker(layer / "bin/python", write_project(tmp_path, main), tmp_path)
    try:
        assert worker.ended() == 65
        assert words in worker.log
        assert worker.record() == ""
    finally:
        worker.stop()


def test_traceback_of_a_failed_import_names_the_users_line(layer: Path, tmp_path: Path) -> None:
    project = write_project(tmp_path, "import json\nimport nowhere_to_be_found\n")
    worker = Worker(layer / "bin/python", project, tmp_path)
    try:
        assert worker.ended() == 65
        assert f'File "{project}/main.py", line 2, in <module>' in worker.log
        assert "import nowhere_to_be_found" in worker.log
    finally:
        worker.stop()


def test_newer_python_serves_with_replaced_pins(
    start: Start, uv_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = newer_python()
    if python is None:
        pytest.skip("no Python 3.12 or newer was found (TEST_NEWER_PYTHON names one)")
    layer = built(uv_cache, tmp_path_factory, python)
    worker = start(python=layer / "bin/python", limit=2).started()
    assert worker.call({"n": 1}).status == 200
    assert worker.call({"do": "set"}).status == 500
    assert worker.call(headers={"x-health-check": "true"}).body == '"OK"'
    worker.process.terminate()
    assert worker.ended() == 0
