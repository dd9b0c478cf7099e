"""A function that needs more memory than it has: its callers are told, and another takes over."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from setpoint.model.process import Bounds, SetOrder
from tests.integration.supervisor.functions import ask, forks, proven, with_main, with_spec
from tests.integration.supervisor.plane import Plane
from tests.support.functions import EVENT, Answer, call
from tests.support.waiting import until

MAIN = """
import asyncio, os

async def function(event, context):
    match (event.data or {}).get("do"):
        case "wait":
            print("it waits", flush=True)
            await asyncio.sleep(600)
        case "large":
            return "x" * 5_000_000
        case "eat":
            event.data["hoard"] = [b"x" * (1 << 20) for _ in range(1 << 10)]
    return {"pid": os.getpid()}
"""
TEXT = "Out of memory: the function needed more than the 96 MiB it has"


@pytest.fixture
def hungry(plane: Plane, order: SetOrder) -> SetOrder:
    """It got ready once, and one instance of it is up."""
    order = with_spec(order, code=with_main(plane, MAIN), memory_bytes_max=96 << 20)
    return replace(proven(plane, order), bounds=Bounds(0, 1, 600.0))


def caller(plane: Plane, order: SetOrder, **data: object) -> Callable[[], Answer]:
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    return calling(endpoint.address, **data)


def calling(address: str, **data: object) -> Callable[[], Answer]:
    """Calls from now on; called itself, it answers with what came of it."""
    got: list[Answer] = []
    thread = threading.Thread(target=lambda: got.append(call(address, data)))
    thread.start()

    def answer() -> Answer:
        thread.join()
        return got[0]

    return answer


def is_told(answer: Answer) -> None:
    assert (answer.status, json.loads(answer.body)) == (500, TEXT)
    assert answer.content_type == "application/json"
    assert answer.info is not None
    assert set(answer.info) == {
        "requestId", "source", "execTimeMs", "statusCode", "isFunctionError", "stack",
    }  # fmt: skip
    assert (answer.info["statusCode"], answer.info["isFunctionError"]) == (500, True)


def test_all_that_it_had_in_hand_are_told_and_the_next_is_another_instances(
    plane: Plane, hungry: SetOrder
) -> None:
    plane.apply(hungry)
    first = ask(plane, hungry)["pid"]
    waiting = [caller(plane, hungry, do="wait") for _ in range(3)]
    until(lambda: sum("it waits" in line.text for line in plane.log("shop")) == 3)
    is_told(caller(plane, hungry, do="eat")())
    for answer in waiting:
        is_told(answer())
    assert ask(plane, hungry)["pid"] != first
    plane.says("shop", "Out of memory: 4 invocations are answered with that")
    plane.says("shop", "Error R15 (Memory quota vastly exceeded) -> Out of memory: it needed more")
    facts = plane.facts(hungry)
    assert facts.last_exit is not None
    assert (facts.last_exit.oom, facts.last_exit.from_outside) == (True, False)
    assert forks(plane) >= 1


def test_a_fresh_process_is_answered_for_as_well(plane: Plane, order: SetOrder) -> None:
    code = with_main(plane, MAIN, "\n[setpoint]\nfork-safe = false\n")
    order = with_spec(order, code=code, memory_bytes_max=96 << 20)
    plane.apply(replace(order, bounds=Bounds(1, 1)))
    plane.ready(order)
    is_told(caller(plane, order, do="eat")())
    assert forks(plane) == 0


def test_who_is_being_answered_is_not_interrupted_by_another_answer(
    plane: Plane, hungry: SetOrder
) -> None:
    """It reads nothing of a large answer until the other has run out."""
    plane.apply(hungry)
    ask(plane, hungry)
    endpoint = plane.facts(hungry).socket
    assert endpoint is not None
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(30)
        slow.connect(endpoint.address)
        body = json.dumps({"do": "large"}).encode()
        slow.sendall(_request(body))
        begun = slow.recv(1000)
        assert begun.startswith(b"HTTP/1.1 200")
        is_told(caller(plane, hungry, do="eat")())
        rest = b""
        try:
            while chunk := slow.recv(1 << 20):
                rest += chunk
        except ConnectionResetError:
            pass
    assert b"Out of memory" not in rest
    assert len(rest) < 5_000_000


def _request(body: bytes) -> bytes:
    lines = ["POST / HTTP/1.1", "host: x", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in EVENT.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_what_ran_out_while_the_supervisor_was_away_is_told_by_the_next(
    plane: Plane, hungry: SetOrder
) -> None:
    plane.apply(hungry)
    ask(plane, hungry)
    endpoint = plane.facts(hungry).socket
    assert endpoint is not None
    os.kill(plane.supervisor_pid, signal.SIGSTOP)
    answer = calling(endpoint.address, do="eat")
    plane.signal_supervisor(signal.SIGKILL)
    is_told(answer())
    assert ask(plane, hungry)["pid"]
