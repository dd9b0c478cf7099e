"""A web app under more load than one instance is meant for, through the real edge."""

from pathlib import Path

from tests.acceptance.plane import Load, Plane, until

SLOW = """
import http.server, os, signal, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.3)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False
server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""
"""On SIGTERM it answers what it has begun, and ends."""


def test_one_more_starts_and_everybody_is_answered(plane: Plane, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: python main.py\n")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "main.py").write_text(SLOW)
    plane.ok("deploy", str(tmp_path), "-a", "crowded")
    plane.ok("scale", "crowded", "web=1..2", "--concurrency", "3")
    with Load(lambda: plane.get("crowded"), visitors=12) as load:
        until(lambda: len(plane.info("crowded")["dynos"]) == 2, 60, "there are two")
        until(lambda: all(d["state"] == "up" for d in plane.info("crowded")["dynos"]), 60, "up")
        plane.ok("scale", "crowded", "web=1")
        until(lambda: len(plane.info("crowded")["dynos"]) == 1, 60, "there is one")
    assert load.errors == []
    assert set(load.answers) == {200}
    assert "3 for each of 1 intended" in plane.ok("why", "crowded").out
