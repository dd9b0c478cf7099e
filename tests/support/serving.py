"""A small HTTP server on loopback that answers GET from what a test laid ready."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answering = Callable[[str], tuple[str, bytes | None]]
"""path -> (content type, content; None: 404)"""


@contextmanager
def serving(answer: Answering) -> Iterator[int]:
    """Its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = answer(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
