"""What the parts about deploys share: one WSGI app, and someone who asks for its version."""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

POLL_S = 0.01
NEW_S_MAX = 60.0
SERVER = "pyuwsgi"
"""The same server on both sides; its wheel brings the emperor too."""

APP = """
VERSION = "{version}"
def application(environ, start_response):
    body = VERSION.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
GRACEFUL = "--hook-master-start 'unix_signal:15 gracefully_kill_them_all'"
PROCFILE = (
    "web: exec uwsgi --http-socket 0.0.0.0:$PORT --module main --master --processes 1 --threads 4 "
    f"--need-app --disable-logging {GRACEFUL}\n"
)

THREADED = """
import http.server, os, signal, threading
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout, wbufsize = "HTTP/1.1", 1, -1
    def do_GET(self):
        body = b"{version}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = False, 1024
server = Server(("0.0.0.0", int(os.environ["PORT"])), Page)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""
"""It ends on SIGTERM when all it was asked is answered."""

Ask = Callable[[], str]
"""Raises OSError or HTTPException; the body of a 200, '' for any other status."""


def write_app(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(APP.replace("{version}", version))
    (folder / "Procfile").write_text(PROCFILE)
    (folder / "requirements.txt").write_text(f"{SERVER}\n")


def write_threaded(folder: Path, version: str) -> None:
    (folder / "main.py").write_text(THREADED.replace("{version}", version))
    (folder / "Procfile").write_text("web: exec python main.py\n")


@dataclass
class Poller:
    """Asks every `POLL_S` over a new connection, for as long as the context lasts."""

    ask: Ask
    polls: int = 0
    failed: int = 0
    first_s: dict[str, float] = field(default_factory=dict[str, float])
    """version -> when it answered first, on the monotonic clock"""
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Poller":
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def until(self, version: str) -> float:
        """When it answered first. Raises AssertionError if it does not come."""
        deadline_s = time.monotonic() + NEW_S_MAX
        while version not in self.first_s:
            assert time.monotonic() < deadline_s, f"{version} never answered"
            time.sleep(POLL_S / 10)
        return self.first_s[version]

    def _poll(self) -> None:
        while not self._over.wait(POLL_S):
            self.polls += 1
            try:
                version = self.ask()
            except (OSError, http.client.HTTPException):
                version = ""
            if version:
                self.first_s.setdefault(version, time.monotonic())
            else:
                self.failed += 1


def ask_port(port: int, host: str) -> str:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", "/", headers={"Host": host, "Connection": "close"})
        answer = link.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else ""
    finally:
        link.close()
