"""The feed of a real Setpoint that is killed: gapless to many, bounded to the slow, alive to the
command line."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plane import EXAMPLES, SETPOINT, Plane, fresh_plane, until

KILLS = 3
WATCHERS = 4
WRITERS = 3
SLOW_READERS = 40
GROWN_BYTES_MAX = 64 * 1024 * 1024


@dataclass
class Watcher:
    """Comes back with the id it heard last, also in the middle of everything: every `impatience`
    events it breaks the line by itself. `heard`: (id, what), as it came."""

    plane: Plane
    cursor: str
    impatience: int
    heard: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    connected: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._listen()

    def _listen(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.plane.ports["api"], timeout=20)
        token = (self.plane.data / "private" / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": self.cursor}
        try:
            link.request("GET", "/v1/watch", headers=headers)
            answer = link.getresponse()
            assert answer.status == 200, answer.read()
            self.connected += 1
            self._take(answer)
        finally:
            link.close()

    def _take(self, answer: http.client.HTTPResponse) -> None:
        found: dict[str, str] = {}
        fresh = 0
        while not self.over.is_set() and fresh < self.impatience:
            line = answer.readline()
            if not line:
                return
            name, _, said = line.decode().strip().partition(": ")
            found[name] = said
            if name == "data":
                self.cursor = found["id"]
                if found["event"] != "bookmark":
                    fresh += 1
                    self.heard.append((found["id"], (found["event"], json.loads(said))))


@contextlib.contextmanager
def watchers(plane: Plane) -> Iterator[list[Watcher]]:
    since = plane.api("GET", "/v1/status").json["cursor"]
    found = [Watcher(plane, since, 7 + 30 * n) for n in range(WATCHERS)]
    threads = [threading.Thread(target=w.run) for w in found]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for watcher in found:
            watcher.over.set()
        for thread in threads:
            thread.join()


@dataclass
class Writer:
    """Sets a config var again and again. `acknowledged`: the values that were."""

    plane: Plane
    app: str
    acknowledged: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.is_set():
            asked = {f"N{self.acknowledged % 50}": str(self.acknowledged)}
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                path = f"/apps/{self.app}/config-vars"
                if self.plane.api("PATCH", path, asked).status == 200:
                    self.acknowledged += 1


@contextlib.contextmanager
def writers(plane: Plane) -> Iterator[list[Writer]]:
    found = [Writer(plane, f"busy-{n}") for n in range(WRITERS)]
    for writer in found:
        plane.ok("create", writer.app)
    threads = [threading.Thread(target=w.run) for w in found]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for writer in found:
            writer.over.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def own() -> Iterator[Plane]:
    with fresh_plane() as plane:
        yield plane


def test_nobody_misses_an_event_whoever_is_killed_and_however_often_the_line_breaks(
    own: Plane,
) -> None:
    with watchers(own) as watching, writers(own) as writing:
        for _ in range(KILLS):
            _more(writing)
            own.kill("daemon")
        _more(writing)
        for writer in writing:
            writer.over.set()
        own.ok("create", "the-end")
        end = own.api("GET", "/v1/apps/the-end").json["id"]
        until(lambda: all(_heard_of(w, end) for w in watching), 60, "all hear the end")
    first = _until(watching[0], end)
    assert len({id for id, _ in first}) == len(first)
    for watcher in watching[1:]:
        assert _until(watcher, end) == first
    told = [what["body"]["change"] for _, (type_, what) in first if type_ == "change.accepted"]
    assert told == sorted(set(told))
    changes = _changes(own)
    assert changes[-len(told) :] == told
    assert len(told) >= sum(w.acknowledged for w in writing)
    assert all(w.connected > KILLS for w in watching)


def _more(writing: list[Writer], count: int = 20) -> None:
    for writer in writing:
        wanted = writer.acknowledged + count
        until(lambda w=writer, n=wanted: w.acknowledged >= n, 120, "acknowledged writes")


def _heard_of(watcher: Watcher, unit: str) -> bool:
    return any(what["unit"] == unit for _, (_, what) in watcher.heard)


def _until(watcher: Watcher, unit: str) -> list[tuple[str, Any]]:
    at = next(n for n, (_, (_, what)) in enumerate(watcher.heard) if what["unit"] == unit)
    return watcher.heard[: at + 1]


def _changes(plane: Plane) -> list[int]:
    """Numbers of all Changes, oldest first, straight from the store's file."""
    import sqlite3

    db = sqlite3.connect(f"file:{plane.data}/private/setpoint.sqlite3?mode=ro", uri=True)
    with contextlib.closing(db):
        return [seq for (seq,) in db.execute("SELECT seq FROM change ORDER BY seq")]


def rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


def test_readers_that_never_read_cost_little_memory_and_nobody_time(own: Plane) -> None:
    since = own.api("GET", "/v1/status").json["cursor"]
    token = (own.data / "private" / "token").read_text().strip()
    asked = f"GET /v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    own.ok("create", "talkative")
    before = rss_bytes(own.pid("daemon"))
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_READERS):
            link = stack.enter_context(socket.socket())
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.connect(("127.0.0.1", own.ports["api"]))
            link.sendall(f"{asked}Last-Event-ID: {since}\r\n\r\n".encode())
        for number in range(300):
            path = "/apps/talkative/config-vars"
            assert own.api("PATCH", path, {"N": str(number)}).status == 200
        assert rss_bytes(own.pid("daemon")) - before < GROWN_BYTES_MAX
        until(lambda: _watchers(own) == SLOW_READERS, 60, "they alone watch")
        assert b"setpoint_watch_staleness_seconds" in own.api("GET", "/v1/metrics").body
    until(lambda: not _watchers(own), 60, "they are gone")


def _watchers(plane: Plane) -> int:
    return plane.api("GET", "/v1/status").json["watch"]["watchers"]


def test_status_watch_and_a_deploy_outlive_the_daemon(own: Plane) -> None:
    own.ok("create", "seen")
    shown: list[dict[str, Any]] = []
    with _started(own, "status", "seen", "--watch", "--json") as watching:
        lines = watching.stdout
        assert lines is not None
        reader = threading.Thread(target=lambda: shown.extend(map(json.loads, lines)))
        reader.start()
        try:
            until(lambda: shown, 60, "a first look")
            with _started(own, "deploy", str(EXAMPLES / "hello-web"), "-a", "seen") as deploying:
                until(lambda: any(look["waiting"] for look in shown), 60, "it is being built")
                own.kill("daemon")
                out, err = deploying.communicate(timeout=240)
            assert deploying.returncode == 0, (out, err)
            until(lambda: shown[-1]["state"] == "settled" and shown[-1]["release"], 60, "it is up")
        finally:
            watching.send_signal(signal.SIGINT)
            reader.join()
    assert watching.returncode == 130


def _started(plane: Plane, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*SETPOINT, *words], env=plane.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
