"""Functions behind the supervisor's own socket: nothing queued there is ever lost."""

import http.client
import os
import signal
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256

import pytest
from msgspec.structs import replace

from setpoint.model.errors import Terminal
from setpoint.model.ids import Digest
from setpoint.model.process import Bounds, SetOrder
from tests.integration.supervisor.plane import Plane, new_plane
from tests.support.waiting import until

STAND_IN = """
import os, signal, socket, sys, time
listener, records = socket.socket(fileno=3), os.fdopen(4, "w", buffering=1)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
listener.setblocking(True)
print("ready", file=records)
while True:
    connection, _ = listener.accept()
    request = connection.recv(65536)
    time.sleep(float(os.environ.get("TAKES_S", "0")))
    body = f"{os.environ['DYNO']} {os.environ['FUNCTION_PROJECT_PATH']}".encode()
    head = f"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    connection.sendall(head.encode() + body)
    connection.close()
"""
"""Instead of the official runtime, which has tests of its own: same descriptors, same words."""


@pytest.fixture
def function(plane: Plane) -> SetOrder:
    """An order whose layer runs the stand-in, whatever it is told to run."""
    layer = Digest(sha256(STAND_IN.encode()).hexdigest())
    python = plane.paths.layers / "deps" / layer / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {plane.python} "$(dirname "$0")/../stand_in.py"\n')
    (python.parent.parent / "stand_in.py").write_text(STAND_IN)
    for path in (*python.parents[:3], python, python.parent.parent / "stand_in.py"):
        path.chmod(0o755)
    order = plane.order("shop", "", process="hello", kind="function", bounds=Bounds(0, 2))
    return replace(order, spec=replace(order.spec, layer=layer, folder="functions/hello"))


def with_code(plane: Plane, order: SetOrder, **bounds: float) -> SetOrder:
    code = plane.code({"functions/hello/main.py": ""})
    order = replace(order, spec=replace(order.spec, code=code))
    return replace(order, bounds=replace(order.bounds, **bounds)) if bounds else order


def call(plane: Plane, order: SetOrder) -> bytes:
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    connection = http.client.HTTPConnection("app", timeout=20.0)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20.0)
    connection.sock.connect(endpoint.address)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_a_call_starts_what_sleeps_and_is_answered(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function, idle_s=0.2)
    plane.apply(order)
    plane.when(order, lambda f: f.ever_ready and not f.instances)
    assert call(plane, order).startswith(b"hello.1 ")
    plane.when(order, lambda f: not f.instances)
    assert call(plane, order).endswith(b"/functions/hello")


def test_a_queue_that_does_not_empty_wants_a_second_one(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function)
    plane.apply(order, TAKES_S="1.5")
    plane.ready(order)
    answers: list[bytes] = []
    callers = [threading.Thread(target=lambda: answers.append(call(plane, order))) for _ in "abc"]
    for caller in callers:
        caller.start()
    plane.ready(order, 2)
    for caller in callers:
        caller.join()
    assert len(answers) == 3
    assert {a.split()[0] for a in answers} == {b"hello.1", b"hello.2"}


def test_a_request_in_the_queue_survives_the_supervisor(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function, idle_s=0.2)
    plane.apply(order)
    plane.when(order, lambda f: f.ever_ready and not f.instances)
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    supervisor = plane.supervisor_pid
    os.kill(supervisor, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20.0)
        caller.connect(endpoint.address)
        caller.sendall(b"GET / HTTP/1.1\r\nHost: app\r\n\r\n")
        plane.signal_supervisor(signal.SIGKILL)
        assert caller.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_warm_function_keeps_its_socket_over_a_restart(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function)
    plane.apply(order)
    warm = plane.ready(order)
    plane.signal_supervisor(signal.SIGKILL)
    assert plane.facts(order).ready == warm
    assert call(plane, order).startswith(b"hello.1 ")
    assert plane.facts(order).ready == warm


def test_without_its_socket_a_function_is_replaced(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function)
    plane.apply(order)
    (old,) = plane.ready(order)
    plane.kill()
    plane.up()
    assert call(plane, order).startswith(b"hello.")
    plane.when(order, lambda f: f.ready and old not in f.instances)


def test_only_the_edge_may_connect(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function)
    plane.apply(order)
    plane.ready(order)
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    assert os.stat(endpoint.address).st_mode & 0o777 == 0o660


def test_a_function_that_is_gone_leaves_no_socket(plane: Plane, function: SetOrder) -> None:
    order = with_code(plane, function)
    plane.apply(order)
    plane.ready(order)
    plane.remove(order)
    plane.gone(order)
    until(lambda: not list(plane.paths.functions.iterdir()), what="no socket is left")


class TestWithRoomForOne:
    @pytest.fixture
    def plane(self, python: str) -> Iterator[Plane]:
        made = new_plane(python, "--sockets", "1")
        try:
            made.up()
            yield made
        finally:
            made.clear()

    def test_another_is_refused_and_the_first_goes_on(
        self, plane: Plane, function: SetOrder
    ) -> None:
        function = with_code(plane, function)
        plane.apply(function)
        plane.ready(function)
        key = replace(function.key, process="other")
        other = replace(function, key=key, spec=replace(function.spec, process="other"))
        with pytest.raises(Terminal, match="1 of them have a socket each, and no more files"):
            plane.apply(other)
        assert list(plane.sets()) == [function.key]
        plane.apply(function)
        plane.remove(function)
        plane.gone(function)
        plane.apply(other)
        plane.ready(other)
