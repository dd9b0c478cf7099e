"""Functions beyond the hot set on the real plane: one start for a crowd, also without a daemon."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from setpoint.drivers.local.paths import Paths
from setpoint.formats.envoy.limits import HOT_FUNCTIONS
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until
from tests.support.waiting import PATIENCE_S

CROWD = 200
APP = "greeter"


class Unix(http.client.HTTPConnection):
    """To a socket's path instead of a host."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.host)


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    """No function that sleeps keeps its cluster."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(HOT_FUNCTIONS, "0")
        with fresh_plane() as running:
            running.ok("deploy", str(EXAMPLES / "hello-function"), "-a", APP)
            running.ok("scale", APP, "hello=0..1", "--idle", "1")
            yield running


def clusters(plane: Plane) -> int:
    """Of functions, by Envoy's own account."""
    link = Unix(str(Paths.of(plane.data).envoy_admin))
    try:
        link.request("GET", "/clusters")
        lines = link.getresponse().read().decode().splitlines()
    finally:
        link.close()
    return len({line.partition("::")[0] for line in lines if "/hello/" in line})


def forgotten(plane: Plane) -> None:
    until(lambda: plane.info(APP)["dynos"] == [], PATIENCE_S, "it sleeps")
    until(lambda: clusters(plane) == 0, PATIENCE_S, "Envoy has forgotten it")


def starts(plane: Plane) -> int:
    lines = plane.ok("logs", APP, "-n", "1500").out
    return lines.count("Starting process with command")


def call(plane: Plane) -> int:
    return plane.call(APP, "hello", b'{"name": "Ada"}').status


def test_a_crowd_causes_one_start_and_everybody_is_answered(plane: Plane) -> None:
    call(plane)  # learns the key
    forgotten(plane)
    before, answers = starts(plane), list[int]()
    together = threading.Barrier(CROWD)

    def visit() -> None:
        together.wait()
        answers.append(call(plane))

    visitors = [threading.Thread(target=visit) for _ in range(CROWD)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert answers == [200] * CROWD
    assert starts(plane) == before + 1


def test_it_answers_while_the_daemon_is_dead(plane: Plane) -> None:
    forgotten(plane)
    plane.kill("daemon")
    assert call(plane) == 200


def test_nobody_without_its_key_wakes_it(plane: Plane) -> None:
    until(lambda: plane.api("GET", f"/apps/{APP}").status == 200, PATIENCE_S, "the daemon is back")
    forgotten(plane)
    before = starts(plane)
    assert plane.send("POST", f"hello--{APP}", body=b"{}").status == 401
    assert (clusters(plane), starts(plane)) == (0, before)


def test_what_nobody_can_mean_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(HOT_FUNCTIONS, "many")
    with fresh_plane(start=False) as plane:
        refused = plane.cli("up", "--detach", "--edge-port", "0", "--api-port", "0")
        assert refused.code == 2
        assert f"{HOT_FUNCTIONS}='many' is not a whole number from 0 to 100000" in refused.err
