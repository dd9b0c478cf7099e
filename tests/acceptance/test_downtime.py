"""Changes under load, with everything real: nobody is turned away, what errs never takes over."""

import http.client
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Answer, Load, Plane, Ran, until

PROCFILE = "web: exec python web.py\n"
SERVER = """\
import http.server, os, signal, sys, threading, time

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 1
    def do_GET(self):
        status, body = 200, b"LETTER " + os.environ.get("GREETING", "-").encode()
        if self.path == "/slow":
            time.sleep(2)
        PLACE
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

server = Server(("0.0.0.0", int(os.environ["PORT"])), Page)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""
BAD = {
    "answers 500": ("status, body = 500, b'no such table: cart'", "answered 500 to GET /"),
    "hangs": ("time.sleep(600)", "did not answer GET / within 1 s"),
    "closes the connection": ("os.close(self.connection.fileno()); return", "GET /"),
    "exits": ("os._exit(3)", "exited with code 3 before it was ready"),
}


def write(folder: Path, letter: str, does: str = "pass") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Procfile").write_text(PROCFILE)
    (folder / "web.py").write_text(SERVER.replace("LETTER", letter).replace("PLACE", does))
    return folder


def deploy(plane: Plane, app: str, folder: Path, *more: str) -> Ran:
    return plane.cli("deploy", str(folder), "-a", app, *more)


@pytest.fixture(scope="module")
def steady(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> str:
    assert deploy(plane, "steady", write(tmp_path_factory.mktemp("a") / "a", "A")).code == 0
    plane.ok("scale", "steady", "web=1", "--boot-timeout", "6")
    plane.ok("probe", "steady", "--within", "1")
    return "steady"


@contextmanager
def kept_alive(plane: Plane, app: str) -> Generator[Callable[[], Answer]]:
    """One connection per visitor for all its requests, as a browser has."""
    own = threading.local()
    links: list[http.client.HTTPConnection] = []

    def ask() -> Answer:
        if not hasattr(own, "link"):
            own.link = http.client.HTTPConnection("127.0.0.1", plane.ports["edge"], timeout=30)
            links.append(own.link)
        own.link.request("GET", "/", headers={"Host": f"{app}.localhost"})
        answer = own.link.getresponse()
        return Answer(answer.status, {}, answer.read())

    yield ask
    for link in links:
        link.close()


@pytest.mark.parametrize("how", BAD)
def test_what_does_not_answer_well_never_takes_over(
    plane: Plane, steady: str, tmp_path: Path, how: str
) -> None:
    does, told = BAD[how]
    before = plane.get(steady).text
    with Load(lambda: plane.get(steady), visitors=2) as load:
        ran = deploy(plane, steady, write(tmp_path / "bad", "BAD", does))
        load.more(20)
    assert load.errors == []
    assert ran.code == 3
    assert told in ran.err, ran.err
    assert "still serves" in ran.err
    assert "setpoint logs steady" in ran.err
    assert plane.get(steady).text == before


def test_an_app_that_warms_up_is_waited_for(plane: Plane, steady: str, tmp_path: Path) -> None:
    warms = "status = 200 if time.monotonic() - BEGAN > 2 else 503"
    folder = write(tmp_path / "warm", "WARM", warms)
    text = (
        (folder / "web.py")
        .read_text()
        .replace("class Page", "BEGAN = time.monotonic()\nclass Page")
    )
    (folder / "web.py").write_text(text)
    with Load(lambda: plane.get(steady), visitors=2) as load:
        ran = deploy(plane, steady, folder)
        load.more(20)
    assert (ran.code, load.errors) == (0, [])
    assert "answered 503 to GET /; it is asked again" in ran.out
    assert plane.get(steady).text.startswith("WARM")


def test_an_error_page_is_let_through_where_listening_is_enough(
    plane: Plane, tmp_path: Path
) -> None:
    plane.ok("create", "blunt")
    plane.ok("probe", "blunt", "--listen-only", "-m", "its front page is not for us")
    folder = write(tmp_path / "blunt", "X", "status = 500")
    assert deploy(plane, "blunt", folder).code == 0
    assert plane.get("blunt").status == 500


@pytest.mark.parametrize("count", [1, 2])
def test_no_change_fails_a_request(plane: Plane, steady: str, tmp_path: Path, count: int) -> None:
    """Redeploy, config change, restart, rollback: with kept connections and with new ones."""
    assert deploy(plane, steady, write(tmp_path / "a", f"A{count}")).code == 0
    plane.ok("scale", steady, f"web={count}")
    with ExitStack() as loads:
        ask = loads.enter_context(kept_alive(plane, steady))
        kept = loads.enter_context(Load(ask, visitors=2))
        fresh = loads.enter_context(Load(lambda: plane.get(steady), visitors=2))
        assert deploy(plane, steady, write(tmp_path / "b", f"B{count}")).code == 0
        plane.ok("config", steady, f"GREETING={count}")
        plane.ok("restart", steady)
        plane.ok("rollback", steady)
        for load in (kept, fresh):
            load.more(20)
    assert (kept.errors, fresh.errors) == ([], [])
    assert len(plane.info(steady)["dynos"]) == count


def test_a_request_in_flight_is_finished_by_the_old_instance(
    plane: Plane, steady: str, tmp_path: Path
) -> None:
    assert deploy(plane, steady, write(tmp_path / "old", "OLD")).code == 0
    answers: list[Answer] = []
    folder = write(tmp_path / "new", "NEW")
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            answers.append(plane.get(steady, "/slow"))

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    try:
        assert deploy(plane, steady, folder).code == 0
        until(lambda: any(a.text.startswith("NEW") for a in answers), 30, "the new one answers")
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()
    assert {a.status for a in answers} == {200}
    assert any(a.text.startswith("OLD") for a in answers)


def test_of_two_deploys_the_older_never_wins(plane: Plane, tmp_path: Path) -> None:
    """A is still being built when B is asked for, and B is built first."""
    slow = write(tmp_path / "slow", "SLOW")
    (slow / "requirements.txt").write_text("starlette\nuvicorn\nflask\n")
    quick = write(tmp_path / "quick", "QUICK")
    plane.ok("create", "race")
    seen: list[str] = []
    assert deploy(plane, "race", slow, "--no-wait").code == 0
    assert deploy(plane, "race", quick).code == 0
    with Load(lambda: plane.get("race"), visitors=1) as load:
        until(lambda: _all_built(plane, "race"), 120, "both are built")
        load.more(20)
        seen.append(plane.get("race").text)
    assert load.errors == []
    assert seen[0].startswith("QUICK")
    assert plane.ok("status", "race").code == 0


def _all_built(plane: Plane, app: str) -> bool:
    return plane.info(app)["state"] == "settled"


IGNORES = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""


def test_a_worker_that_ignores_sigterm_is_killed_and_its_log_says_so(
    plane: Plane, tmp_path: Path
) -> None:
    (tmp_path / "Procfile").write_text("worker: exec python worker.py\n")
    (tmp_path / "worker.py").write_text(IGNORES)
    assert deploy(plane, "deaf", tmp_path).code == 0
    plane.ok("scale", "deaf", "worker=1")
    plane.ok("scale", "deaf", "worker=0")
    said = plane.ok("logs", "deaf", "-n", "50").out
    assert "Error R12 (Exit timeout)" in said
    assert "Stopping process with SIGKILL" in said


def test_a_function_that_cannot_be_imported_or_hangs_at_it_is_told(
    plane: Plane, tmp_path: Path
) -> None:
    """The runtime's own health: its module is imported before it says that it is ready."""
    folder = tmp_path / "answering"
    shutil.copytree(EXAMPLES / "hello-function", folder)
    assert deploy(plane, "answering", folder).code == 0
    plane.ok("scale", "answering", "hello=1", "--boot-timeout", "6")
    good = (folder / "main.py").read_text()
    for first, told in (
        ("import nothere", "No module named 'nothere'"),
        ("import time; time.sleep(600)", "hello was not ready in time"),
    ):
        (folder / "main.py").write_text(f"{first}\n{good}")
        ran = deploy(plane, "answering", folder)
        assert (ran.code, told in ran.err) == (3, True), ran.err
        assert "v1 still serves" in ran.err
        assert plane.call("answering", "hello", b'{"name": "Ada"}').status == 200
