"""A web app under load: one more starts, and one less loses nothing, through the real edge."""

from pathlib import Path

from tests.acceptance.plane import Load, Plane, until

ABRUPT = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.7)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""Python's own server, left as it is: SIGTERM ends it in the middle of an answer."""
FORCED_STOPS = 32


def release(plane: Plane, app: str, folder: Path, code: str) -> None:
    (folder / "Procfile").write_text("web: python main.py\n")
    (folder / "requirements.txt").write_text("")
    (folder / "main.py").write_text(code)
    plane.ok("deploy", str(folder), "-a", app)


def up(plane: Plane, app: str, count: int) -> bool:
    """So many, and none that is on its way out."""
    dynos = plane.info(app)["dynos"]
    return len(dynos) == count and all(dyno["state"] == "up" for dyno in dynos)


def test_one_more_starts_and_everybody_is_answered(plane: Plane, tmp_path: Path) -> None:
    release(plane, "crowded", tmp_path, ABRUPT)
    plane.ok("scale", "crowded", "web=1..2", "--concurrency", "3")
    with Load(lambda: plane.get("crowded"), visitors=12) as load:
        until(lambda: up(plane, "crowded", 2), 60, "there are two")
        plane.ok("scale", "crowded", "web=1")
        until(lambda: up(plane, "crowded", 1), 60, "there is one")
    assert load.errors == []
    assert set(load.answers) == {200}
    assert "3 for each of 1 intended" in plane.ok("why", "crowded").out


def test_what_ends_at_once_on_sigterm_is_let_finish_first(plane: Plane, tmp_path: Path) -> None:
    release(plane, "abrupt", tmp_path, ABRUPT)
    with Load(lambda: plane.get("abrupt"), visitors=8) as load:
        for _ in range(FORCED_STOPS // 4):
            plane.ok("scale", "abrupt", "web=5")
            until(lambda: up(plane, "abrupt", 5), 60, "there are five")
            plane.ok("scale", "abrupt", "web=1")
            until(lambda: up(plane, "abrupt", 1), 60, "there is one")
        release(plane, "abrupt", tmp_path, ABRUPT + "# again\n")
        plane.ok("restart", "abrupt")
        until(lambda: up(plane, "abrupt", 1), 60, "what was before is gone")
    assert load.errors == []
    assert set(load.answers) == {200}
    told = plane.ok("logs", "abrupt", "-n", "9000", "-s", "heroku").out
    assert told.count("Stopping all processes with SIGTERM") == FORCED_STOPS + 2


def test_few_requests_that_wait_are_enough_for_one_more(plane: Plane, tmp_path: Path) -> None:
    """One after the other, half a second each: far from ten in hand, and yet two of three wait."""
    code = ABRUPT.replace("ThreadingHTTPServer", "HTTPServer").replace("0.7", "0.5")
    release(plane, "oneatatime", tmp_path, code)
    plane.ok("scale", "oneatatime", "web=1..2")
    with Load(lambda: plane.get("oneatatime"), visitors=3) as load:
        until(lambda: up(plane, "oneatatime", 2), 60, "there are two")
        load.more(10)
    assert load.errors == []
    assert "requests have been waiting before it accepts them" in plane.ok("why", "oneatatime").out
