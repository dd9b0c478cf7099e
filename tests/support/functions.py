"""A function's worker, started as the supervisor does, and a caller that speaks to it."""

import base64
import http.client
import json
import os
import select
import socket
import subprocess
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import until

WORKERS = Path(__file__).parents[2] / "src/setpoint/workers"
WORKER = WORKERS / "python_function"
NODE_WORKER = WORKERS / "node_function/accept.py"
ANSWER_S_MAX = 30.0


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


EVENT = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "id-1",
    "ce-source": "urn:event:from:salesforce/x",
    "ce-type": "com.salesforce.function.invoke.sync",
    "ce-sfcontext": encoded(
        {
            "apiVersion": "56.0",
            "payloadVersion": "0.1",
            "userContext": {
                "orgId": "org",
                "userId": "user",
                "username": "me@example.com",
                "salesforceBaseUrl": "https://example.com",
                "orgDomainUrl": "https://example.com",
            },
        }
    ),
    "ce-sffncontext": encoded(
        {"id": "1", "functionName": "f.f", "accessToken": "t", "requestId": "r"}
    ),
}


def without(name: str) -> dict[str, str]:
    """The event's headers but for one."""
    return {key: value for key, value in EVENT.items() if key != name}


@dataclass(frozen=True)
class Answer:
    """`info`: the decoded x-extra-info, None without one."""

    status: int
    body: str
    content_type: str | None
    raw_info: str | None

    @property
    def info(self) -> dict[str, object] | None:
        if self.raw_info is None:
            return None
        raw = self.raw_info
        return json.loads(raw if raw.startswith("{") else urllib.parse.unquote(raw))


def call(
    address: str | int,
    data: object = None,
    headers: Mapping[str, str] = EVENT,
    method: str = "POST",
    path: str = "/",
) -> Answer:
    """`address`: a unix socket's path, or a port on loopback."""
    link = http.client.HTTPConnection("127.0.0.1", timeout=ANSWER_S_MAX)
    try:
        if isinstance(address, int):
            link.port = address
        else:
            link.sock = socket.socket(socket.AF_UNIX)
            link.sock.settimeout(ANSWER_S_MAX)
            link.sock.connect(address)
        body = None if method == "GET" else json.dumps(data).encode()
        link.request(method, path, body, dict(headers))
        answer = link.getresponse()
        return Answer(
            answer.status,
            answer.read().decode(),
            answer.getheader("content-type"),
            answer.getheader("x-extra-info"),
        )
    finally:
        link.close()


class Worker:
    """Runs from the start; `stop` ends it. `listener` stays open, as the supervisor's does.
    `layer`: of the functions runtime for JavaScript."""

    def __init__(
        self,
        python: Path,
        project: Path,
        folder: Path,
        layer: Path | None = None,
        **options: float,
    ) -> None:
        self.socket = str(folder / "fn.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen(4096)
        self._records, told = os.pipe()
        self._log = folder / "log"
        fds = (self.listener.fileno(), told)
        worker = WORKER if layer is None else NODE_WORKER
        argv = [python, "-I", "-u", "-X", "utf8", worker, "--fd", str(fds[0])]
        if layer is not None:
            runtime = layer / "node_modules/@heroku/sf-fx-runtime-nodejs"
            argv += ["--node", layer / "bin/node", "--runtime", runtime]
        argv += ["--record-fd", str(told), "--project", project]
        argv += [word for key, value in options.items() for word in (f"--{key}", str(value))]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                argv,
                pass_fds=fds,
                env={"DYNO": "hello.1", "HOME": "/nonexistent"},
                stdout=log,
                stderr=log,
                cwd="/",
            )
        os.close(told)

    def record(self) -> str:
        """The next line on its side channel; '' when it ended without another. What it has
        imported and served is told in between."""
        line = "imported"
        while line.startswith(("imported", "served")):
            line = self._line()
        return line

    def told(self, word: str) -> str:
        """What follows the word in the next line that begins with it."""
        line = self._line()
        while line and not line.startswith(f"{word} "):
            line = self._line()
        return line.removeprefix(f"{word} ")

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self._records], [], [], ANSWER_S_MAX)[0]:
                raise AssertionError(f"nothing heard from the worker; its log:\n{self.log}")
            byte = os.read(self._records, 1)
            if not byte:
                break
            line += byte
        return line.decode().strip()

    def started(self) -> "Worker":
        assert self.record() == "ready", self.log
        return self

    def call(self, data: object = None, headers: Mapping[str, str] = EVENT, **more: str) -> Answer:
        return call(self.socket, data, headers, **more)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def readable(self) -> bool:
        """Does a connection wait that nobody accepted?"""
        return bool(select.select([self.listener], [], [], 0)[0])

    def ended(self) -> int:
        return self.process.wait(ANSWER_S_MAX)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.listener.close()
        os.close(self._records)


class Calls:
    """`count` invocations that end once the gate is opened; their answers are in after `join`."""

    def __init__(self, worker: Worker, folder: Path, count: int) -> None:
        self.answers: list[Answer] = []
        self._worker = worker
        self._gate = folder / f"gate-{count}"
        self._began = [folder / f"began-{count}-{n}" for n in range(count)]
        self._threads = [threading.Thread(target=self._call, args=(b,)) for b in self._began]
        for thread in self._threads:
            thread.start()

    def _call(self, began: Path) -> None:
        data = {"do": "wait", "for": str(self._gate), "began": str(began)}
        self.answers.append(self._worker.call(data))

    def await_running(self) -> "Calls":
        until(lambda: all(b.exists() for b in self._began), 30.0, "they run")
        return self

    def join(self) -> list[int]:
        self._gate.touch()
        for thread in self._threads:
            thread.join()
        return [answer.status for answer in self.answers]
