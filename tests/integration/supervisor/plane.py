"""A real supervisor under a real keeper in a test's hands, with apps made of a few lines."""

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.tails import LocalTails
from setpoint.formats import control
from setpoint.formats.control import LogLine
from setpoint.model.app import Probe, ProcessKind
from setpoint.model.capability import Capabilities
from setpoint.model.ids import AppId, Digest, Fence, JobId, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.process import Bounds, Instance, ProcessSpec, SetFacts, SetOrder
from tests.support.waiting import until

KEEP = Path(__file__).with_name("keep.py")
MIB = 1024 * 1024
T = TypeVar("T")


@dataclass
class Plane:
    """`run(...)` speaks to the supervisor as the daemon does."""

    folder: Path
    python: str
    flags: tuple[str, ...] = ()
    keeper: "subprocess.Popen[bytes] | None" = None
    apps: dict[str, AppId] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        return Paths(self.folder / "data", self.folder / "run")

    # --- its clock, where it was made with one: see on_clock.py ---

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def move_clock(self, *, set_s: float = 0.0, passed_s: float = 0.0) -> None:
        """Whoever sleeps finds out when next woken: any question does that."""
        before = map(float, self.clock.read_text().split()) if self.clock.exists() else (0.0, 0.0)
        moved = (a + b for a, b in zip(before, (set_s, passed_s), strict=True))
        new = self.clock.with_suffix(".new")
        new.write_text(" ".join(map(str, moved)))
        new.replace(self.clock)

    # --- its processes ---

    def up(self) -> None:
        self.keeper = subprocess.Popen(
            [sys.executable, str(KEEP), str(self.paths.data), str(self.paths.runtime), *self.flags],
            stdin=subprocess.DEVNULL,
        )
        keeper = self.keeper

        def ready() -> bool:
            assert keeper.poll() is None, f"the keeper has ended: {self.words()}"
            return (self.paths.runtime / "up").exists()

        until(ready, 20.0, f"the supervisor is ready: {self.words()}")

    def down(self) -> None:
        """The plane only."""
        if self.keeper is not None:
            self.keeper.terminate()
            self.keeper.wait(15.0)
            self.keeper = None
        (self.paths.runtime / "up").unlink(missing_ok=True)

    def kill(self) -> None:
        """Keeper and supervisor at once, with no word."""
        assert self.keeper is not None
        supervisor = self.supervisor_pid
        self.keeper.kill()
        os.kill(supervisor, signal.SIGKILL)
        self.keeper.wait()
        until(lambda: not _runs(supervisor), what="the supervisor has ended")
        self.keeper = None
        (self.paths.runtime / "up").unlink(missing_ok=True)

    def stop_apps(self) -> None:
        self.tell(control.StopAll())

    @property
    def supervisor_pid(self) -> int:
        record = self.paths.runtime / "plane" / "supervisor.json"
        return int(json.loads(record.read_text())["pid"])

    def signal_supervisor(self, number: int) -> None:
        """Send it, and wait until the keeper has started another and that one answers."""
        before = self.supervisor_pid
        os.kill(before, number)
        until(lambda: self.supervisor_pid != before, what="another supervisor is started")
        self.run(lambda driver: driver.probe())

    # --- orders ---

    def run(self, call: Callable[[LocalDriver], Awaitable[T]]) -> T:
        async def once() -> T:
            driver = LocalDriver(self.paths.supervisor_socket, self.paths.sources)
            try:
                async with asyncio.timeout(20.0):
                    return await call(driver)
            finally:
                await driver.close()

        return asyncio.run(once())

    def probe(self) -> Capabilities:
        return self.run(lambda driver: driver.probe())

    def app(self, name: str) -> AppId:
        return self.apps.setdefault(name, AppId(str(uuid.uuid4())))

    def code(self, files: dict[str, str]) -> Digest:
        """A code layer with these files."""
        digest = Digest(sha256(json.dumps(files).encode()).hexdigest())
        folder = self.paths.layers / "code" / digest
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o644)
        for made in (folder.parent, folder, *folder.glob("**/")):
            made.chmod(0o755)
        return digest

    def order(
        self,
        name: str,
        program: str,
        *,
        process: str = "web",
        kind: ProcessKind = "web",
        bounds: Bounds | None = None,
        generation: int = 1,
        attempts_max: int = 0,
        memory_bytes_max: int = 256 * MIB,
        probe: Probe | None = None,
    ) -> SetOrder:
        """An order for an app that runs `program`, Python source."""
        spec = ProcessSpec(
            process=process,
            kind=kind,
            release=generation,
            code=self.code({"main.py": program}),
            layer=None,
            python=self.python,
            folder="",
            command=f"exec {self.python} main.py",
            runtime="",
            environment=Digest("0" * 64),
            size="basic",
            memory_bytes_max=memory_bytes_max,
            pids_max=64,
            cpu_weight=1024,
        )
        hash = Digest(sha256(repr(spec).encode()).hexdigest())
        return SetOrder(
            key=SetKey(self.app(name), process, hash),
            app_name=name,
            spec=spec,
            bounds=bounds or Bounds(1, 1),
            fence=Fence(1, generation),
            attempts_max=attempts_max,
            probe=probe,
        )

    def job(
        self,
        name: str,
        program: str = "",
        *,
        command: str = "",
        number: int = 1,
        run_s_max: float = 3600.0,
        attached: bool = False,
        tty: bool = False,
    ) -> JobOrder:
        """A job of that app: `program`, Python source, or any command."""
        spec = replace(
            self.order(name, program, process="run", kind="worker").spec,
            environment=Digest("0" * 64),
        )
        return JobOrder(
            id=JobId(f"{number:032x}"),
            app=self.app(name),
            app_name=name,
            dyno=f"run.{1000 + number}",
            spec=replace(spec, command=command) if command else spec,
            run_s_max=run_s_max,
            attached=attached,
            tty=tty,
        )

    def exec(self, job: JobOrder, **environment: str) -> None:
        self.run(lambda driver: driver.exec(job, environment))

    def job_facts(self, job: JobOrder) -> JobFacts | None:
        seen = self.run(lambda driver: driver.observe()).jobs
        return next((j for j in seen if j.id == job.id), None)

    def job_ended(self, job: JobOrder, timeout_s: float = 20.0) -> JobFacts:
        def ended() -> JobFacts | None:
            facts = self.job_facts(job)
            return facts if facts is not None and facts.state != "running" else None

        return until(ended, timeout_s, f"{job.dyno} has ended: {self.words()}")

    def apply(self, order: SetOrder, **environment: str) -> None:
        self.run(lambda driver: driver.apply(order, environment))

    def remove(self, order: SetOrder) -> None:
        self.run(lambda driver: driver.remove(order.key, order.fence))

    def tell(self, *requests: control.Request) -> None:
        """As the edge agent does."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.paths.supervisor_socket))
            answers = link.makefile("rb")
            for request in requests:
                link.sendall(control.encode(request))
                assert control.decode_reply(answers.readline()) == control.Done()

    # --- what is seen ---

    def sets(self) -> dict[SetKey, SetFacts]:
        return {facts.key: facts for facts in self.run(lambda driver: driver.observe()).sets}

    def facts(self, order: SetOrder) -> SetFacts:
        return self.sets()[order.key]

    def when(
        self, order: SetOrder, condition: Callable[[SetFacts], object], timeout_s: float = 15.0
    ) -> SetFacts:
        """The facts, once they are so."""

        def looked() -> SetFacts | None:
            facts = self.sets().get(order.key)
            return facts if facts is not None and condition(facts) else None

        return until(looked, timeout_s, f"{order.key} of {self.sets()}\n{self.words()}")

    def ready(self, order: SetOrder, count: int = 1) -> tuple[Instance, ...]:
        return self.when(order, lambda facts: len(facts.ready) == count).ready

    def gone(self, order: SetOrder) -> None:
        until(lambda: order.key not in self.sets(), what=f"{order.key} is gone")

    def log(self, name: str) -> list[LogLine]:
        tails = LocalTails(self.paths.supervisor_socket, self.paths.builds)

        async def read() -> list[LogLine]:
            return [line async for line in tails.logs(self.app(name), 1000, follow=False)]

        return asyncio.run(read())

    def says(self, name: str, text: str) -> None:
        """Wait for a line of the app's log that holds `text`."""
        until(
            lambda: any(text in line.text for line in self.log(name)),
            what=f"{text!r} in the log: {self.log(name)}",
        )

    def words(self) -> str:
        """The supervisor's own log, for a failed test."""
        path = self.paths.plane_logs / "supervisor.log"
        return path.read_text() if path.exists() else ""

    def pids(self) -> dict[str, int]:
        """Inner pid by instance name, from the records."""
        found: dict[str, int] = {}
        for path in self.paths.instances.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                record = json.loads(path.read_text())
                if record["identity"] is not None:
                    found[path.stem] = record["identity"]["inner_pid"]
        return found

    # --- the end ---

    def clear(self) -> None:
        """Stop everything and leave nothing on the machine."""
        try:
            if self.keeper is None:
                self.up()
            self.stop_apps()
        finally:
            self.down()
            shutil.rmtree(self.folder, ignore_errors=True)


def clocked_plane(python: str) -> Plane:
    """One whose clock can be moved."""
    plane = new_plane(python)
    plane.flags = ("--clock", str(plane.clock))
    plane.move_clock()
    return plane


def get(instance: Instance, path: str = "/") -> tuple[int, bytes]:
    """A request to one instance, as the edge makes it."""
    endpoint = instance.endpoint
    assert endpoint is not None
    connection = http.client.HTTPConnection(endpoint.address, endpoint.port, timeout=10.0)
    connection.sock = dial(instance)
    try:
        connection.request("GET", path, headers={"Host": "app"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def dial(instance: Instance) -> socket.socket:
    """A connection as the edge makes it."""
    endpoint = instance.endpoint
    assert endpoint is not None
    if endpoint.kind not in ("pipe", "relay"):
        return socket.create_connection((endpoint.address, endpoint.port), 10.0)
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(10.0)
    peer.connect(endpoint.address)
    return peer


def new_plane(python: str, *flags: str) -> Plane:
    folder = Path(tempfile.mkdtemp(prefix="sp-", dir="/tmp"))
    folder.chmod(0o711)
    plane = Plane(folder, python, flags)
    (folder / "data").mkdir(mode=0o711)
    return plane


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
