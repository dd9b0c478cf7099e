"""A whole Setpoint of its own: data directory, free ports, the real `setpoint` command."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from setpoint.formats import cloudevents

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SETPOINT = [sys.executable, "-m", "setpoint.cli.main"]
COMMAND_S_MAX = 240


@dataclass(frozen=True)
class Ran:
    """One finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Plane:
    """`data` is made and removed by whoever makes the Plane."""

    data: Path
    ports: dict[str, int] = field(default_factory=dict[str, int])
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """invoke keys by app, once asked for"""
    python: str = sys.executable
    """what runs the command, and with it every process of the plane"""

    def env(self) -> dict[str, str]:
        return {**os.environ, "SETPOINT_DATA": str(self.data), "NO_COLOR": "1"}

    def cli(self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] = {}) -> Ran:
        done = subprocess.run(
            [self.python, *SETPOINT[1:], *arguments],
            env={**self.env(), **env},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str) -> Ran:
        ran = self.cli(*arguments)
        assert ran.code == 0, f"{arguments}: {ran.code}\n{ran.out}\n{ran.err}\n{self.tails()}"
        return ran

    def up(self, *more: str) -> Ran:
        ran = self.ok(
            *("up", "--detach", "--edge-port", "0", "--api-port", "0", "--floor", "L0", *more)
        )
        self.ports = json.loads((self.data / "ports.json").read_text())
        return ran

    def get(self, host: str, path: str = "/", **kwargs: Any) -> Answer:
        return self.send("GET", host, path, **kwargs)

    def send(
        self,
        method: str,
        host: str,
        path: str = "/",
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 30,
    ) -> Answer:
        """Through the real edge, as a visitor."""
        link = http.client.HTTPConnection("127.0.0.1", self.ports["edge"], timeout=timeout_s)
        try:
            link.request(method, path, body, {"Host": f"{host}.localhost", **(headers or {})})
            answer = link.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            link.close()

    def api(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> Answer:
        """One question to the API, as the local admin; `body`: JSON, or bytes as they are. While
        there is no daemon it waits in the keeper's socket. Raises OSError, HTTPException."""
        link = http.client.HTTPConnection("127.0.0.1", self.ports["api"], timeout=timeout_s)
        token = (self.data / "private" / "token").read_text().strip()
        asks = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            link.request(method, path, sent, {**asks, **(headers or {})})
            answer = link.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            link.close()

    @property
    def runtime(self) -> Path:
        return Path((self.data / "runtime").read_text().strip())

    def pid(self, name: str) -> int:
        return int(json.loads((self.runtime / "plane" / f"{name}.json").read_text())["pid"])

    def keeper_pid(self) -> int:
        return int((self.data / "lock").read_text())

    def kill(self, name: str) -> int:
        """SIGKILL one process of this plane; returns the pid it had."""
        pid = self.keeper_pid() if name == "keeper" else self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def helpers(self, name: str) -> list[int]:
        """The supervisor's children that run this: `processes.builder`, `workers.forker`."""
        supervisor = self.pid("supervisor")
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                words = (folder / "cmdline").read_bytes()
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if name.encode() in words and parent == supervisor:
                    found.append(int(folder.name))
        return found

    def call(self, app: str, function: str, payload: bytes) -> Answer:
        """Invoke a function as a program would: with its key, through the edge."""
        if app not in self.keys:
            self.keys[app] = self.api("GET", f"/v1/apps/{app}/invoke-key").json["key"]
        event = cloudevents.headers(cloudevents.Invocation("id-1", function, time.time()))
        sent = {**event, "authorization": f"Bearer {self.keys[app]}"}
        return self.send("POST", f"{function}--{app}", headers=sent, body=payload)

    def info(self, app: str) -> Any:
        return self.ok("info", app, "--json").json

    def tails(self) -> str:
        """The ends of the operator's logs, for a failing test's message."""
        shown: list[str] = []
        for log in sorted((self.data / "log").glob("*.log")):
            with contextlib.suppress(OSError):
                shown += [f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-12:]]
        return "\n".join(shown)

    def destroy(self) -> None:
        self.cli("down")
        shutil.rmtree(self.data, ignore_errors=True)


@contextlib.contextmanager
def fresh_plane(*more: str, start: bool = True) -> Iterator[Plane]:
    data = Path(tempfile.mkdtemp(prefix="setpoint-test-"))
    data.chmod(0o711)  # apps run as users of their own
    plane = Plane(data)
    try:
        if start:
            plane.up(*more)
        yield plane
    finally:
        plane.destroy()


def until(
    condition: Callable[[], object], timeout_s: float, what: str, look_s: float = 0.02
) -> None:
    """Look again until it holds. The deadline is far above what is normal: it ends a hang."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        threading.Event().wait(look_s)


@dataclass
class Load:
    """Visitors that keep asking, and what they were answered. Use as a context manager."""

    ask: Callable[[], Answer]
    visitors: int = 4
    answers: list[int] = field(default_factory=list[int])
    errors: list[str] = field(default_factory=list[str])
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._visit) for _ in range(self.visitors)]
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.answers) + len(self.errors) >= self.visitors, 30, "first answers")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        while not self._over.is_set():
            try:
                answer = self.ask()
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
            else:
                self.answers.append(answer.status)
                if answer.status != 200:
                    self.errors.append(f"{answer.status} {answer.text[:300]}")
            self._over.wait(0.005)

    def more(self, count: int, timeout_s: float = 60) -> None:
        """Wait until `count` more answers came in."""
        wanted = len(self.answers) + count
        until(lambda: len(self.answers) >= wanted or self.errors, timeout_s, f"{count} answers")
