"""A plane with something of everything in it, and what it answers to bytes."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.support.waiting import PATIENCE_S, until

TOKEN = "root-token"
STREAM_S = 0.05
"""How long one is listened to that need not end."""
READ_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """One request. `target`: path and query, as sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class World:
    """`known`: by a parameter's name, what leads to something there."""

    plane: Plane
    id: str
    known: dict[str, tuple[str, ...]]

    @property
    def whole(self) -> bool:
        """Somebody may have destroyed it."""
        return self.plane.send("GET", f"/apps/{self.id}").status == 200


def made(plane: Plane, name: str) -> World:
    """An app that serves, with a build, a release, a dyno, a job, a domain, a decision and a
    Change."""
    plane.supervisor.processes = (
        ProcessType("web", "web", "serve"),
        ProcessType("clock", "worker", "tick"),
        ProcessType("hello", "function", "hello"),
    )
    app = plane.send("POST", "/apps", {"name": name}).json["id"]
    place = urlsplit(plane.send("POST", "/sources").json["source_blob"]["put_url"]).path
    assert plane.send("PUT", place, raw=name.encode(), token=None).status == 200
    blob = {"source_blob": {"url": f"http://localhost{place}"}}
    build = plane.send("POST", f"/apps/{name}/builds", blob).json["id"]
    until(lambda: plane.send("GET", f"/v1/apps/{name}").json["state"] == "settled")
    plane.send("PATCH", f"/apps/{name}/config-vars", {"KEY": "value"})
    domain = f"{name}.example.com"
    assert plane.send("POST", f"/apps/{name}/domains", {"hostname": domain}).status == 201
    until(lambda: plane.send("GET", f"/v1/apps/{name}").json["state"] == "settled")
    job = plane.send("POST", f"/apps/{name}/dynos", {"command": "true"}).json
    decision = {"text": "so be it", "on": [f"{name}:web.max"]}
    assert plane.send("POST", "/v1/decisions", decision).status == 201
    log = plane.send("POST", f"/apps/{name}/log-sessions", {"lines": 5}).json["logplex_url"]
    release = plane.send("GET", f"/apps/{name}/releases").json[0]["id"]
    formation = plane.send("GET", f"/apps/{name}/formation/web").json["id"]
    return World(
        plane,
        app,
        {
            "app": (app, name),
            "build": (build,),
            "release": (release, "1", "v1"),
            "dyno": ("web.1", job["name"], job["id"], "web"),
            "type": ("web", "clock", formation),
            "process": ("web", "clock", "hello"),
            "job": tuple(j["id"] for j in plane.send("GET", f"/v1/apps/{name}/jobs").json),
            "domain": (domain,),
            "decision": ("d-1",),
            "change": ("1", "c1"),
            "place": (place.rpartition("/")[2],),
            "ticket": (log.rpartition("/")[2],),
            "user": ("~",),
            "id": ("~",),
            "resource": (name, f"{name}:web.max", "d-1"),
            "field": ("web.max", "config.KEY", "KEY"),
            "path": ("web.max", "config.KEY"),
            "service": ("git-receive-pack", "git-upload-pack"),
            "limit": ("1", "0", "99999999999999999999"),
            "since": ("0", "1h"),
            "at": ("1h", "c1", "2026-01-01"),
        },
    )


def status_of(plane: Plane, sent: Sent) -> int:
    """Of one that breaks off without an answer: 0."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE_S)
        link.connect(str(plane.paths.api_socket))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(_head(sent) + sent.body)
        answer = HTTPResponse(link, method=sent.method)
        try:
            answer.begin()
            if answer.getheader("content-length") is None:
                link.settimeout(STREAM_S)
            with contextlib.suppress(TimeoutError):
                answer.read(READ_BYTES_MAX)
        except (HTTPException, ConnectionError):
            return 0
        finally:
            answer.close()
        return answer.status


def _head(sent: Sent) -> bytes:
    said = {
        "Host": "localhost",
        "Connection": "close",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Length": str(len(sent.body)),
        **sent.headers,
    }
    lines = (f"{sent.method} {sent.target} HTTP/1.1", *(f"{k}: {v}" for k, v in said.items()))
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Complaints(logging.Handler):
    """What was logged as an error meanwhile: a bug, even where no answer tells of it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    heard = Complaints()
    logging.getLogger().addHandler(heard)
    try:
        yield heard.told
    finally:
        logging.getLogger().removeHandler(heard)
