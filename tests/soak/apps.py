"""Light web apps: what each answers tells which code and which config it runs."""

import gzip
import io
import tarfile
from collections.abc import Sequence

from tests.acceptance.plane import Plane, until

WARM = 2
"""The fewest instances: one may be killed, and the app is still warm."""
SETTLED_S_MAX = 300.0
PROCFILE = "web: exec python main.py\n"
SERVER = """\
import contextlib, json, os, signal, socket

said = {name: value for name, value in os.environ.items() if name.startswith("SAID_")}
body = json.dumps({"code": "CODE", **said})
head = f"HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n"
answer = head + body
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["PORT"])))
listener.listen(128)
listener.settimeout(0.2)
while not over:
    try:
        peer, _ = listener.accept()
    except TimeoutError:
        continue
    with peer, contextlib.suppress(OSError):
        peer.settimeout(5)
        if peer.recv(4096):
            peer.sendall(answer.encode())
"""
"""One request at a time; it ends on SIGTERM once the present one is answered, and not because a
caller has gone, as all do whose Envoy is killed."""

CODES = ("A", "B")


def upload(plane: Plane, code: str) -> str:
    """Its digest, to be deployed by."""
    place = plane.api("POST", "/sources").json["source_blob"]
    path = "/sources/" + place["put_url"].rpartition("/")[2]
    archive = _archive({"Procfile": PROCFILE, "main.py": SERVER.replace("CODE", code)})
    answer = plane.api("PUT", path, archive, {"Content-Type": ""})
    assert answer.status == 200, answer.text
    return place["get_url"]


def _archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue())


def create(plane: Plane, names: Sequence[str], source: str) -> None:
    """All of them, deployed, scaled and settled."""
    for name in names:
        ask(plane, "POST", "/apps", {"name": name})
        ask(plane, "POST", f"/apps/{name}/builds", {"source_blob": {"url": source}})
    until(lambda: settled(plane, names), SETTLED_S_MAX, f"all are deployed\n{plane.tails()}")
    for name in names:
        ask(plane, "PATCH", f"/apps/{name}/formation/web", {"quantity": WARM})
    until(lambda: settled(plane, names), SETTLED_S_MAX, f"all are scaled\n{plane.tails()}")


def settled(plane: Plane, names: Sequence[str]) -> bool:
    return not unsettled(plane, names)


def unsettled(plane: Plane, names: Sequence[str]) -> dict[str, str]:
    """App -> its state and message, of those that are not as they should be."""
    apps = plane.api("GET", "/v1/status").json["apps"]
    told = {a["name"]: f"{a['state']}: {a['message']}" for a in apps if a["state"] != "settled"}
    return {name: told[name] for name in names if name in told}


def ask(plane: Plane, method: str, path: str, body: object) -> None:
    answer = plane.api(method, path, body)
    assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:300]}"
