"""A bet on a web app is held against what its visitors were answered: real apps, real Envoy, real
counts. Only the minutes between two looks are not waited for."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from setpoint.converge.measuring import Measuring
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.model.change import Actor, Asked
from setpoint.model.decision import Bet, Decided, Decision, Scope
from setpoint.model.ids import AppId
from setpoint.planning.decisions import fold
from setpoint.policy import signals
from setpoint.processes.daemon import Counting
from setpoint.store.sqlite import open_in_memory
from setpoint.views import decisions
from tests.acceptance.plane import Plane, until

APP = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            os._exit(3)
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass

ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
ASKED = Asked(Actor("test", email="dev@example.com"), "cli", 0.0)
MINUTES = 6
"""One more than the window: the first look has nothing to compare with."""


@pytest.fixture(scope="module")
def held(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web app that answers 500 at /bad, and dies at /end."""
    source = tmp_path_factory.mktemp("betting")
    (source / "Procfile").write_text("web: python app.py\n")
    (source / "requirements.txt").write_text("")
    (source / "app.py").write_text(APP)
    plane.ok("deploy", str(source), "-a", "betting", "-m", "something to bet on")
    yield "betting"
    plane.ok("destroy", "betting", "--confirm", "betting")


def looked_at(plane: Plane, app: str, wrong_if: str, ask: Callable[[], int]) -> Decision:
    """A bet's state after some minutes. In each of them `ask` is called once; so many requests it
    has made."""
    unit = AppId(plane.ok("info", app, "--json").json["id"])
    wanted = signals.signal(wrong_if)
    assert wanted is not None
    bet = Bet("it holds", wrong_if, signal=msgspec.structs.replace(wanted, process="web"))

    async def story() -> Decision:
        store, now_s = open_in_memory(), [time.time()]
        paths = Paths(Path(plane.data), plane.runtime)
        counting = Counting(
            LocalDriver(paths.supervisor_socket, paths.sources), EdgeClient(paths.edge_socket)
        )
        log = logging.getLogger("test")
        measuring = Measuring(store, counting, lambda: now_s[0], log, lambda: "")
        await store.decide(ASKED, Decided((Scope(unit, app, "formation.web.*"),), bet, "dev"))
        told = await answers(counting.edge, unit)
        for _ in range(MINUTES):
            await measuring.look()
            told += await asyncio.to_thread(ask)
            async with asyncio.timeout(30):  # Envoy tells what it answered five times a second
                while await answers(counting.edge, unit) < told:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            now_s[0] += 60.0
        await measuring.look()
        found = await decisions.measured(store, fold(await store.decisions()), now_s[0])
        await counting.driver.close()
        await store.close()
        return found[0]

    return asyncio.run(story())


async def answers(edge: EdgeClient, app: AppId) -> int:
    """How many the edge has been heard to give for it."""
    figures = await edge.answered([app])
    return sum(answer.count for row in figures.processes for answer in row.answers)


def visits(plane: Plane, app: str, good: int, bad: int) -> Callable[[], int]:
    """Makes these requests; how many they are."""

    def ask() -> int:
        for path, count in (("/", good), ("/bad", bad)):
            for _ in range(count):
                assert plane.get(app, path).status == (500 if path == "/bad" else 200)
        return good + bad

    return ask


@pytest.mark.parametrize(("bad", "lost"), [(0, False), (2, True)])
def test_an_app_that_answers_500_loses_its_bet_and_one_that_answers_well_holds_it(
    plane: Plane, held: str, bad: int, lost: bool
) -> None:
    bet = looked_at(plane, held, "error_rate > 1% over 5m", visits(plane, held, 20, bad))
    assert bet.looks_lost is lost
    assert bet.measured is not None
    assert bet.measured.value == pytest.approx(bad / (20 + bad))


def test_how_often_and_how_long_are_counted_too(plane: Plane, held: str) -> None:
    ask = visits(plane, held, 20, 0)
    often = looked_at(plane, held, "rps < 0.5 over 5m", ask)
    assert often.measured is not None
    assert often.measured.value == pytest.approx(20 / 60)
    assert often.looks_lost
    assert not looked_at(plane, held, "p99 > 10s over 5m", ask).looks_lost
    assert not looked_at(plane, held, "rps < 0.1 over 5m", ask).looks_lost


def test_what_the_edge_had_to_answer_for_an_app_that_died_is_an_error_of_the_app(
    plane: Plane, held: str
) -> None:
    def ask() -> int:
        assert plane.get(held, "/end").status == 503
        return 1

    assert looked_at(plane, held, "error_rate > 1% over 5m", ask).looks_lost


def test_memory_of_a_web_app_is_looked_at(plane: Plane, held: str) -> None:
    until(lambda: plane.get(held).status == 200, 60, "up again after it was ended")
    used = looked_at(plane, held, "memory > 2MiB over 5m", lambda: 0)
    if "cgroup" in plane.ok("doctor").out and used.measured is not None:
        assert used.looks_lost, "an interpreter alone is larger"
    assert not looked_at(plane, held, "memory > 4000MiB over 5m", lambda: 0).looks_lost


def test_the_daemon_takes_such_bets_and_prometheus_is_told_of_the_same(
    plane: Plane, held: str
) -> None:
    said = ("--bet", "it is well made", "--wrong-if", "error rate > 1% over 5m")
    made = plane.ok("decide", "-m", "one is enough", "--on", f"{held}:web", *said, "--json").json
    assert made["decided"]["bet"]["signal"]["name"] == "error_rate"
    plane.ok("bet", "held", f"d-{made['seq']}", "-m", "seen")
    text = plane.api("GET", "/v1/metrics").text
    labels = rf'app="{held}",code="",process="web",status='
    assert re.search(rf'setpoint_edge_answers_total{{{labels}"2xx"}} \d+', text)
    assert re.search(rf'setpoint_edge_answers_total{{{labels}"5xx"}} \d+', text)
    assert re.search(rf'setpoint_edge_wait_seconds_count{{app="{held}"', text)
