"""Functions that do what no function should: they end alone, and the next call is answered."""

import contextlib
import http.client
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.model.process import Bounds, SetOrder
from tests.integration.supervisor.functions import (
    ask,
    asleep,
    forks,
    groups,
    lasting,
    lines,
    proven,
    with_main,
    with_spec,
)
from tests.integration.supervisor.plane import Plane
from tests.support.waiting import until

GIGABYTE = 1 << 30
AT_IMPORT = {
    "forks": "if os.fork() == 0:\n    time.sleep(600)\n    os._exit(0)\nSEEN = 1",
    "starts a thread": "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    "SEEN = 1",
    "reads standard input": "SEEN = len(sys.stdin.read())",
    "moves elsewhere": "os.chdir('/tmp')\nSEEN = 1",
}
MAIN = """
import os, signal, socket, sys, threading, time

{}

async def function(event, context):
    asked = event.data or {{}}
    match asked.get("do"):
        case "close":
            os.close(3)
        case "shut down":
            socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RDWR)
        case "close everything":
            os.closerange(0, 3)
        case "write":
            block = b"x" * 1023 + b"\\n"
            left = asked["bytes"]
            while left > 0:
                left -= os.write(1, block * 64)
        case "raise an exit":
            raise SystemExit(3)
    return {{"pid": os.getpid(), "seen": SEEN}}
"""


def misbehaving(plane: Plane, order: SetOrder, at_import: str = "SEEN = 1") -> SetOrder:
    return with_spec(order, code=with_main(plane, MAIN.format(at_import)))


@pytest.mark.parametrize("what", AT_IMPORT)
def test_a_module_that_does_so_as_it_is_imported_is_forked_and_leaves_nothing(
    plane: Plane, order: SetOrder, what: str
) -> None:
    order = proven(plane, misbehaving(plane, order, AT_IMPORT[what]))
    assert ask(plane, order)["seen"] == (0 if what == "reads standard input" else 1)
    assert forks(plane) == 1
    plane.when(order, asleep, 60)
    until(lambda: groups(plane, "hello") == [], what="its control group is gone")


@pytest.mark.parametrize("how", ["close", "shut down"])
def test_a_function_that_takes_its_listening_socket_away_is_replaced(
    plane: Plane, order: SetOrder, how: str
) -> None:
    order = replace(proven(plane, misbehaving(plane, order)), bounds=Bounds(0, 1, 600.0))
    plane.apply(order)
    first = ask(plane, order, do=how)["pid"]

    def answered() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(plane, order)["pid"] != first
        return False

    until(answered, 60.0, f"another answers: {lines(plane)}")
    assert any("its listening socket is lost" in text for text in lines(plane))


def test_a_gigabyte_of_output_is_cut_and_its_function_answers(
    plane: Plane, order: SetOrder
) -> None:
    order = lasting(proven(plane, misbehaving(plane, order)))
    plane.apply(order)
    first = ask(plane, order, do="write", bytes=GIGABYTE)["pid"]
    plane.says("shop", "Error L10 (output buffer overflow)")
    assert ask(plane, order)["pid"] == first
    kept = sum(f.stat().st_size for f in Path(plane.paths.logs).rglob("*") if f.is_file())
    assert kept < 64 << 20


def test_a_function_that_closes_its_output_answers_on(plane: Plane, order: SetOrder) -> None:
    order = lasting(proven(plane, misbehaving(plane, order)))
    plane.apply(order)
    first = ask(plane, order, do="close everything")["pid"]
    assert ask(plane, order)["pid"] == first
