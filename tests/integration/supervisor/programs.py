"""Apps for these tests, a few lines each."""

WEB = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{os.environ['DYNO']} {os.environ.get('GREETING', '')} {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/crash":
            os._exit(3)
    def log_message(self, *args):
        print("asked", self.path)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listening on", os.environ["PORT"])
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""

CRASHES = """
import sys
print("about to fail")
print("because of this", file=sys.stderr)
sys.exit(1)
"""

HANGS = """
import time
print("thinking")
time.sleep(600)
"""

EATS_MEMORY = """
hoard = []
while True:
    hoard.append(bytearray(8 * 1024 * 1024))
"""

TICKS = """
import itertools, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for n in itertools.count():
    print("tick", n)
    time.sleep(0.01)
"""

FLOODS = """
import sys, time
line = "x" * 1023 + "\\n"
for _ in range(200 * 1024):
    sys.stdout.write(line)
sys.stdout.flush()
print("flooded")
time.sleep(600)
"""

LINGERS = WEB.replace("sys.exit(0)", "(__import__('time').sleep(2), sys.exit(0))")
