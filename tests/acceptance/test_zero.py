"""A web app at zero on the real plane: it sleeps, wakes once for a crowd, also without a daemon."""

import contextlib
import threading

import pytest

from tests.acceptance.plane import EXAMPLES, Answer, Plane, until

CROWD = 200


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


def test_what_nobody_is_meant_to_run_is_told_as_h14(plane: Plane, sleepy: str) -> None:
    plane.ok("scale", "sleepy", "web=0")
    answer = plane.get("sleepy")
    assert answer.status == 503
    assert answer.headers["x-setpoint-error"] == "H14"
    plane.ok("scale", "sleepy", "web=1")
    assert plane.get("sleepy").status == 200
