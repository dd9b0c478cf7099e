"""A web app at zero on the real plane: it sleeps, wakes once for a crowd, also without a daemon."""

import contextlib
import threading
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Answer, Plane, until

CROWD = 200
HELD_S_MAX = 120.0
"""It is held for 60 s."""


@pytest.fixture(scope="module")
def sleepy(plane: Plane) -> str:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "sleepy")
    plane.ok("scale", "sleepy", "web=0..1", "--idle", "2")
    return "sleepy"


def asleep(plane: Plane) -> bool:
    return plane.info("sleepy")["dynos"] == []


def starts(plane: Plane) -> int:
    """So far, as the app's own log tells."""
    return plane.ok("logs", "sleepy", "-n", "1500").out.count("Starting process with command")


def crowd(plane: Plane) -> list[Answer]:
    """All at once, each on a connection of its own."""
    answers: list[Answer] = []
    together = threading.Barrier(CROWD)

    def visit() -> None:
        together.wait()
        with contextlib.suppress(OSError):
            answers.append(plane.get("sleepy"))

    visitors = [threading.Thread(target=visit) for _ in range(CROWD)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    return answers


def test_a_crowd_wakes_it_once_and_everybody_is_answered(plane: Plane, sleepy: str) -> None:
    until(lambda: asleep(plane), 60, "it sleeps")
    before = starts(plane)
    answers = crowd(plane)
    assert [a.status for a in answers] == [200] * CROWD
    assert starts(plane) == before + 1


def test_it_wakes_while_the_daemon_is_dead(plane: Plane, sleepy: str) -> None:
    until(lambda: asleep(plane), 60, "it sleeps")
    plane.kill("daemon")
    assert plane.get("sleepy").status == 200


SLOW_TO_BOOT = """
import http.server, os, time
time.sleep(4)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_boot_that_fails_is_told_as_h20_and_later_visitors_start_anew(
    plane: Plane, tmp_path: Path
) -> None:
    (tmp_path / "Procfile").write_text("web: python main.py\n")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "main.py").write_text(SLOW_TO_BOOT)
    plane.ok("deploy", str(tmp_path), "-a", "stuck")
    plane.ok("scale", "stuck", "web=0..1", "--idle", "1", "--boot-timeout", "1")
    until(lambda: plane.info("stuck")["dynos"] == [], 60, "it sleeps")
    answers: list[Answer] = []

    def visit() -> None:
        answers.append(plane.get("stuck", timeout_s=HELD_S_MAX))

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert {(a.status, a.headers["x-setpoint-error"]) for a in answers} == {(503, "H20")}
    until(lambda: plane.info("stuck")["dynos"] == [], 60, "nobody waits, and nothing is started")
    plane.ok("scale", "stuck", "web=0..1", "--boot-timeout", "60")
    assert plane.get("stuck").status == 200


def test_what_nobody_is_meant_to_run_is_told_as_h14(plane: Plane, sleepy: str) -> None:
    plane.ok("scale", "sleepy", "web=0")
    answer = plane.get("sleepy")
    assert answer.status == 503
    assert answer.headers["x-setpoint-error"] == "H14"
    plane.ok("scale", "sleepy", "web=1")
    assert plane.get("sleepy").status == 200
