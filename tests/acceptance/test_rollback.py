"""Going back with everything real: the old code and its config answer again, no request is lost."""

import time
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Load, Plane, until

PROCFILE = "web: python web.py\n"
WEB = """\
import http.server, os

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("{letter} " + os.environ.get("GREETING", "-")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
"""


def deploy(plane: Plane, folder: Path, letter: str) -> None:
    (folder / "Procfile").write_text(PROCFILE)
    (folder / "web.py").write_text(WEB.replace("{letter}", letter))
    plane.ok("deploy", str(folder), "-a", "letters", "--version", f"{letter}-1")


@pytest.fixture(scope="module")
def letters(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> str:
    """v1: A without a greeting. v2: with one. v3: B, with another at v4."""
    folder = tmp_path_factory.mktemp("letters")
    deploy(plane, folder, "A")
    plane.ok("config", "letters", "GREETING=good morning")
    deploy(plane, folder, "B")
    plane.ok("config", "letters", "GREETING=good night")
    assert plane.get("letters").text == "B good night"
    return "letters"


def test_the_old_code_and_its_config_answer_again_and_no_request_is_lost(
    plane: Plane, letters: str
) -> None:
    with Load(lambda: plane.get(letters)) as load:
        ran = plane.ok("rollback", letters, "v2", "-m", "B greets at the wrong time")
        load.more(20)
    assert load.errors == []
    assert plane.get(letters).text == "A good morning"
    assert ran.out.splitlines()[-1] == "v5 serves (v2 again)"
    assert plane.ok("config", letters).out == "GREETING=good morning\n"
    newest = plane.ok("releases", letters, "--json").json[0]
    assert (newest["description"], newest["commit"]) == ("Rollback to v2", "A-1")
    told = plane.ok("why", letters, "-n", "1").out
    assert "Rollback to v2" in told
    assert "B greets at the wrong time" in told
    assert "rollback_to = 2" in told
    assert "start-build" not in told


def test_twice_is_there_and_back_and_the_next_deploy_ends_it(
    plane: Plane, letters: str, tmp_path: Path
) -> None:
    before = plane.get(letters).text
    plane.ok("rollback", letters)
    assert plane.get(letters).text != before
    plane.ok("rollback", letters)
    assert plane.get(letters).text == before
    deploy(plane, tmp_path, "C")
    assert plane.get(letters).text.startswith("C ")


def test_from_the_wish_to_the_old_answer_it_takes_seconds_at_most(plane: Plane) -> None:
    """How long is told by the benchmarks; this holds that nothing is built or fetched."""
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "swift")
    plane.ok("config", "swift", "GREETING=second")
    began_s = time.monotonic()
    plane.ok("rollback", "swift", "--no-wait")
    until(lambda: "second" not in plane.get("swift").text, 30, "the first greeting again")
    print(f"old version answers after {time.monotonic() - began_s:.2f} s, the command included")
    did = plane.ok("why", "swift", "--json").json["chapters"][0]["entries"]
    assert "start-build" not in {e["verb"] for e in did}
