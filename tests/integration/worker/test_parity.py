"""Behind the wrapper the official runtime answers as it does bare, except where it is repaired."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.worker.conftest import Start
from tests.support.functions import EVENT, Answer, call, encoded, without
from tests.support.waiting import until

BAD_CONTEXT = {**EVENT, "ce-sfcontext": "%%%"}
HEALTH = {"x-health-check": "true"}


@pytest.fixture
def bare(layer: Path, project: Path) -> Iterator[int]:
    """The port of the official runtime, started by its own command."""
    version = next((layer / "lib").iterdir()).name
    if version != "python3.11":
        pytest.skip(f"the runtime's own dependencies fit Python 3.11, this layer is {version}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [layer / "bin/sf-functions-python", "serve", project, "-p", str(port)]
    process = subprocess.Popen(
        command, env={"PATH": os.defpath}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _answers(port), 30.0, "the official runtime listens")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        return call(port, headers=HEALTH).status == 200
    except OSError:
        return False


CASES: dict[str, dict[str, object]] = {
    "success": {"data": {"n": 1, "text": "né 日本"}},
    "no data": {"data": None},
    "exception": {"data": {"do": "raise", "message": "boom"}},
    "exception in Latin-1": {"data": {"do": "raise", "message": "né"}},
    "not serialisable": {"data": {"do": "set"}},
    "an object": {"data": {"do": "object"}},
    "a circle": {"data": {"do": "circle"}},
    "no JSON numbers": {"data": {"do": "not a number"}},
    "nothing": {"data": {"do": "nothing"}},
    "bad context": {"headers": BAD_CONTEXT},
    "bad function context": {"headers": {**EVENT, "ce-sffncontext": "%%%"}},
    "a context that is no object": {"headers": {**EVENT, "ce-sfcontext": encoded("text")}},
    **{f"{name} missing": {"headers": without(name)} for name in EVENT},
    "another version": {"headers": {**EVENT, "ce-specversion": "0.3"}},
    "a time that is none": {"headers": {**EVENT, "ce-time": "yesterday"}},
    "no event": {"headers": {}},
    "health": {"headers": HEALTH},
    "another method": {"method": "GET"},
    "another path": {"path": "/x"},
}


@pytest.mark.parametrize("case", CASES)
def test_answers_are_the_official_ones(case: str, bare: int, start: Start) -> None:
    worker = start().started()
    wrapped, official = call(worker.socket, **CASES[case]), call(bare, **CASES[case])  # type: ignore[arg-type]
    assert _comparable(wrapped) == _comparable(official)


def _comparable(answer: Answer) -> tuple[object, ...]:
    """All but the time it took; of a stack what is said, not the way there."""
    info = answer.info
    if info is not None:
        stack = str(info.get("stack", "")).splitlines()
        info = {**info, "execTimeMs": info.get("execTimeMs") is not None, "stack": stack[-1:]}
    return (answer.status, answer.body, answer.content_type, info)


def test_message_beyond_latin_1_no_longer_costs_the_answer(bare: int, start: Start) -> None:
    data = {"do": "raise", "message": "日本 %41+"}
    official = call(bare, data)
    assert (official.status, official.raw_info) == (500, None)
    assert "ValueError" not in official.body

    repaired = start().started().call(data)
    assert repaired.status == 500
    assert "ValueError: 日本 %41+" in repaired.body
    assert repaired.raw_info is not None
    assert repaired.raw_info.isascii()
    assert repaired.info is not None
    assert str(repaired.info["stack"]).endswith("ValueError: 日本 %41+\n")


# --- what only the wrapper does ----------------------------------------------------------------


def test_extra_info_stays_small_enough_for_a_header(start: Start) -> None:
    answer = start().started().call({"do": "raise", "message": "x" * 300_000})
    assert "x" * 300_000 in answer.body
    assert answer.raw_info is not None
    assert len(answer.raw_info) <= 32_000
    assert answer.info is not None
    assert answer.info["isFunctionError"] is True
    assert "... shortened ..." in str(answer.info["stack"])


def test_answer_beyond_the_limit_is_an_error_that_says_so(start: Start) -> None:
    worker = start().started()
    assert worker.call({"do": "large", "size": 6 * 2**20 - 2}).status == 200
    answer = worker.call({"do": "large", "size": 6 * 2**20 - 1})
    said = "Function returned 6291457 bytes, which is more than the 6291456 allowed"
    assert (answer.status, answer.body) == (500, f'"{said}"')
    assert answer.info is not None
    assert (answer.info["statusCode"], answer.info["isFunctionError"]) == (500, True)


def test_context_is_completed_only_where_keys_are_missing(start: Start) -> None:
    worker = start().started()
    incomplete = {**EVENT, "ce-sffncontext": encoded({"id": "1"}), "x-request-id": "rq"}
    assert '"token":""' in worker.call({}, incomplete).body
    assert '"token":"t"' in worker.call({}, EVENT).body


@pytest.mark.parametrize(
    ("do", "words"), [("exit", "SystemExit: 3"), ("surrogate", "ValueError: \\udcff")]
)
def test_what_the_runtime_cannot_answer_is_a_function_error(
    start: Start, do: str, words: str
) -> None:
    worker = start().started()
    answer = worker.call({"do": do})
    assert answer.status == 500
    assert words in answer.body
    assert answer.info is not None
    assert answer.info["isFunctionError"] is True
    assert worker.call({}).status == 200


def test_nothing_of_ours_can_be_imported_by_a_function(start: Start) -> None:
    names = ["serve", "server", "invocation", "contexts", "watchdog", "json"]
    assert start().started().call({"do": "modules", "names": names}).body == '["json"]'
