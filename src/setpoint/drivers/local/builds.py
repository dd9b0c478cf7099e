"""Builds on this machine: one builder process each, a few at a time, known by their files.

A build outlives the supervisor. Its output and its result are files, its process is known by (pid,
start time); one that ended without a result was cut off, which is nobody's fault. One that needs
somebody's code to run ends early: it runs in the app's sandbox, and the build begins again.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from setpoint.drivers.local.errands import Asked, Shop
from setpoint.drivers.local.files import open_plain, read_plain, write_whole
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.run_stage import RunStage
from setpoint.drivers.local.sandbox.identity import look
from setpoint.drivers.local.spare import Spare
from setpoint.formats.handover import Need
from setpoint.model.ids import AppId, BuildId
from setpoint.model.release import Build, BuildRequest

BUILDS_AT_ONCE = 2
ROUNDS_MAX = 10
"""of running code and beginning again: each layer may ask once"""
BUILD_S_MAX = 1800.0
"""From its beginning, its run stages included: the few places are everybody's. Each step has
a limit of ten minutes by itself."""
SHORTER = "its output shows what takes the time: have less installed, or built beforehand"
RESULT_BYTES_MAX = 4 * 1024 * 1024
"""a thousand functions with long handlers are far below it"""
SHOWN_S = 3600.0
"""How long a finished build is shown. The loop remembers verdicts; asking again shows it again."""


@dataclass(frozen=True)
class Site:
    """`python`: the interpreter apps run on. `account`: environment that says whom to become.

    `gid`: the plane's group, which may read a build's output; None where all are one user.
    """

    paths: Paths
    python: str
    account: Mapping[str, str]
    gid: int | None


class Process(msgspec.Struct, frozen=True):
    """Of a build under way, in the runtime directory. `archive`: of its source. `round`: how often
    it began again. `environment`: of the app's own commands; the builder never sees it.
    `packs`: paths of uploaded buildpacks, by digest. `begun_s`: by the event loop's clock, which is
    one for all of a boot and which nobody can set."""

    build: Build
    pid: int
    start: int
    request: BuildRequest
    archive: str
    round: int = 0
    environment: dict[str, str] = {}
    packs: dict[str, str] = {}
    begun_s: float = 0.0


class Builds:
    """`changed`: called with the app of each build that began or ended."""

    def __init__(
        self,
        site: Site,
        shop: Shop,
        changed: Callable[[AppId], None],
        now_s: Callable[[], float],
    ) -> None:
        self._site = site
        self._shop = shop
        self._stages: dict[BuildId, RunStage] = {}
        self._changed = changed
        self._now_s = now_s
        self._loop = asyncio.get_running_loop()
        self._known: dict[BuildId, Build] = {}
        self._waiting: deque[Process] = deque()
        self._active: set[BuildId] = set()
        self._children: dict[BuildId, subprocess.Popen[bytes]] = {}
        self._builders: dict[BuildId, int] = {}
        self._deadlines: dict[BuildId, asyncio.TimerHandle] = {}
        self._late: set[BuildId] = set()
        self._records = site.paths.runtime / "builds"
        self._records.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._spare = Spare({**os.environ, **site.account})

    def all(self) -> tuple[Build, ...]:
        old_s = self._now_s() - SHOWN_S
        for build in list(self._known.values()):
            if build.ended_at_s is not None and build.ended_at_s < old_s:
                del self._known[build.id]
        return tuple(self._known.values())

    @property
    def under_way(self) -> bool:
        """Also while one waits for its turn, or for somebody's code to have run."""
        return bool(self._active or self._waiting or self._stages)

    def run(
        self,
        request: BuildRequest,
        archive: str,
        environment: dict[str, str],
        packs: dict[str, str],
    ) -> None:
        """Once per id; anew only where it was cut off before."""
        build = self._known.get(request.id) or self._result(request.id)
        if build is not None and not build.cut_off:
            self._set(msgspec.structs.replace(build))
            return
        self._file(request.id, ".json").unlink(missing_ok=True)
        pending = _build(request, "pending")
        self._set(pending)
        self._waiting.append(
            Process(pending, 0, 0, request, archive, environment=environment, packs=packs)
        )
        self._start_waiting()

    def adopt(self) -> None:
        """Builds that an earlier supervisor started, and those that ended a moment ago."""
        for path in self._records.glob("*.json"):
            try:
                process = msgspec.json.decode(path.read_bytes(), type=Process)
            except (OSError, msgspec.MsgspecError):
                continue
            self._known[process.build.id] = process.build
            self._watch(process)
        self._shop.handovers.drop_others(self._active)
        self._shop.trees.drop_all()
        young_s = self._now_s() - SHOWN_S
        for path in self._site.paths.builds.glob("*.json"):
            if path.lstat().st_mtime > young_s and path.stem not in self._known:
                build = self._result(BuildId(path.stem))
                if build is not None:
                    self._known[build.id] = build

    def drop(self, app: AppId) -> None:
        """Forget an app's builds, and end those under way: others wait for their places, and the
        uid in the app's sandbox may soon be another app's."""
        for build in self._known.values():
            if build.app == app:
                self._stop(build.id)
        self._shop.trees.forget(app)
        self._waiting = deque(w for w in self._waiting if w.request.app != app)
        self._known = {id: build for id, build in self._known.items() if build.app != app}
        for path in self._site.paths.builds.glob("*.json"):
            build = self._result(BuildId(path.stem))
            if build is not None and build.app == app:
                self._remove(build.id)

    # --- one build ----------------------------------------------------------------------------

    def _start_waiting(self) -> None:
        while self._waiting and len(self._active) < BUILDS_AT_ONCE:
            asked = self._waiting.popleft()
            request = asked.request
            self._shop.handovers.drop(request.id)
            self._file(request.id, ".log").unlink(missing_ok=True)
            build, begun_s = _build(request, "running", self._now_s()), self._loop.time()
            self._start(msgspec.structs.replace(asked, build=build, begun_s=begun_s))

    def _start(self, asked: Process) -> None:
        """`asked`: without a process yet."""
        build = asked.build
        if not os.path.exists(asked.archive):
            self._free(build.id)
            self._set(self._keep(_sourceless(build, self._now_s())))
            return
        try:
            self._shop.handovers.forget_needs(build.id)
            process = self._spawn(asked)
        except OSError as error:
            self._free(build.id)
            self._set(_cut_off(build, f"the builder did not start: {error}", self._now_s()))
            return
        seen = look(process.pid)
        start = seen.start if seen is not None else 0
        record = msgspec.structs.replace(asked, pid=process.pid, start=start)
        write_whole(self._record(build.id), msgspec.json.encode(record))
        self._children[build.id] = process
        self._set(build)
        self._watch(record)

    def _spawn(self, asked: Process) -> "subprocess.Popen[bytes]":
        paths, request = self._site.paths, asked.request
        output = self._file(request.id, ".log")
        order = {
            "request": request,
            "archive": asked.archive,
            "layers": str(paths.layers),
            "cache": str(paths.cache),
            "output": str(output),
            "result": str(self._file(request.id, ".json")),
            "handover": str(self._shop.handovers.path(request.id)),
            "python": self._site.python,
            "resumed": asked.round > 0,
            "configured": sorted(asked.environment),
            "packs": asked.packs,
        }
        _create(output, self._site.gid)
        return self._spare.build(msgspec.json.encode(order))

    def _watch(self, process: Process) -> None:
        self._active.add(process.build.id)
        try:
            fd = os.pidfd_open(process.pid)
        except OSError:
            self._loop.call_soon(self._ended, process)
            return
        seen = look(process.pid)
        if seen is None or seen.start != process.start:
            os.close(fd)
            self._loop.call_soon(self._ended, process)
            return

        def ended() -> None:
            self._loop.remove_reader(fd)
            del self._builders[process.build.id]
            os.close(fd)
            self._ended(process)

        self._builders[process.build.id] = fd
        self._loop.add_reader(fd, ended)
        self._set_deadline(process)

    def _set_deadline(self, process: Process) -> None:
        id = process.build.id
        if id not in self._deadlines:
            begun_s = process.begun_s or self._loop.time()  # one of an earlier version
            self._deadlines[id] = self._loop.call_at(begun_s + BUILD_S_MAX, self._time_is_up, id)

    def _time_is_up(self, id: BuildId) -> None:
        self._late.add(id)
        self._stop(id)

    def _stop(self, id: BuildId) -> None:
        """Its tools go with the builder."""
        if id in self._stages:
            self._stages[id].stop()
        if id in self._builders:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._builders[id], signal.SIGKILL)

    def _ended(self, process: Process) -> None:
        id = process.build.id
        child = self._children.pop(id, None)
        if child is not None:
            child.wait()
        needs = self._shop.handovers.needs(id)
        if needs and self._goes_on(process) and self._result(id) is None:
            self._run_stage(process, needs)
        else:
            self._close(process)

    def _goes_on(self, process: Process) -> bool:
        """Else its app is gone, its time is up, or it asks without end."""
        id = process.build.id
        return id in self._known and id not in self._late and process.round < ROUNDS_MAX

    def _close(self, process: Process) -> None:
        id = process.build.id
        self._shop.handovers.drop(id)
        if id in self._known:
            self._set(self._result(id) or self._keep(self._without_result(process.build)))
        else:
            self._remove(id)
        self._free(id)
        self._spare.renew()
        self._start_waiting()

    def _free(self, id: BuildId) -> None:
        """Its place."""
        self._active.discard(id)
        if id in self._deadlines:
            self._deadlines.pop(id).cancel()
        self._late.discard(id)
        self._record(id).unlink(missing_ok=True)

    def _without_result(self, build: Build) -> Build:
        now_s = self._now_s()
        if build.id not in self._late:
            return _cut_off(build, "the builder ended without a result", now_s)
        fact = f"cannot build: it took over {BUILD_S_MAX / 60:g} minutes\n{SHORTER}"
        late = _cut_off(build, fact, now_s)
        return msgspec.structs.replace(late, user_error=True)  # it would again

    def _remove(self, id: BuildId) -> None:
        for end in (".json", ".log"):
            self._file(id, end).unlink(missing_ok=True)

    def _run_stage(self, process: Process, needs: Sequence[Need]) -> None:
        """It stays under way meanwhile: its record says how to go on, whoever supervises then."""

        def done() -> None:
            del self._stages[process.build.id]
            if not self._goes_on(process):
                self._close(process)
                return
            self._start(msgspec.structs.replace(process, round=process.round + 1))
            self._start_waiting()

        log = self._file(process.build.id, ".log")
        asked = Asked(process.request, process.environment)
        stage = RunStage(self._shop, asked, needs, log, done)
        self._set_deadline(process)  # it may be adopted here
        self._stages[process.build.id] = stage
        stage.begin()

    def _keep(self, build: Build) -> Build:
        """So that whoever follows the output sees an end. A disk without room for it holds up no
        other build: then only this supervisor knows."""
        with contextlib.suppress(OSError):
            write_whole(self._file(build.id, ".json"), msgspec.json.encode(build), mode=0o640)
        return build

    def _set(self, build: Build) -> None:
        self._known[build.id] = build
        self._changed(build.app)

    def _result(self, id: BuildId) -> Build | None:
        """The folder is the builder's, and what is in there is what it says."""
        try:
            said = read_plain(self._file(id, ".json"), RESULT_BYTES_MAX)
            build = msgspec.json.decode(said, type=Build)
        except (OSError, ValueError):
            return None
        return build if build.id == id else None

    def _file(self, id: BuildId, end: str) -> Path:
        return self._site.paths.builds / f"{id}{end}"

    def _record(self, id: BuildId) -> Path:
        return self._records / f"{id}.json"


def _build(request: BuildRequest, status: str, started_at_s: float = 0.0) -> Build:
    return msgspec.convert(
        {
            "id": request.id,
            "app": request.app,
            "source": request.source,
            "stack": request.stack,
            "status": status,
            "started_at_s": started_at_s,
        },
        Build,
    )


def _create(output: Path, gid: int | None) -> None:
    """Where it is not there. The folder is the builder's: no link of its making is followed as
    root. `gid`: may read it."""
    fd = open_plain(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode=0o640)
    try:
        os.fchmod(fd, 0o640)
        if gid is not None:
            os.fchown(fd, -1, gid)
    finally:
        os.close(fd)


def _sourceless(build: Build, now_s: float) -> Build:
    """Trying again brings nothing back: a human has to."""
    fact = f"cannot build: source {build.source[:8]} is no longer here\ndeploy it again"
    return msgspec.structs.replace(_cut_off(build, fact, now_s), user_error=True)


def _cut_off(build: Build, message: str, now_s: float) -> Build:
    return msgspec.structs.replace(
        build, status="failed", user_error=False, message=message, ended_at_s=now_s
    )
