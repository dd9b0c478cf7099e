"""The run stage of a build: packages without a wheel become wheels, each in the app's own sandbox.

The same walls as for the app's instances, and no network at all. One package after the other; its
output goes to the build's log, its wheel comes back through a pipe, and how it ended is written
down for the builder, which judges. A sandbox that outlives its supervisor is ended by the next one
(its name is no instance's), which then begins that package anew.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders.output import Output
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.handovers import Handovers
from setpoint.drivers.local.launching import Ground
from setpoint.drivers.local.names import HASH_CHARS, InstanceName
from setpoint.drivers.local.recipe import SYSTEM_PATH, prefix
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import UNKNOWN_CODE, Ending, Reports, Running
from setpoint.drivers.local.sandbox import Launch
from setpoint.drivers.local.wheel_pipe import WheelPipe
from setpoint.formats import handover
from setpoint.formats.handover import WHEEL_BYTES_MAX, Package
from setpoint.model.errors import DriverError
from setpoint.model.release import BuildRequest

NAME = "from.source"
"""no instance is named so: the dot sees to that"""
SDIST_FD, WHEEL_FD = 3, 4
RUN_S_MAX = 600.0
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
PIDS_MAX = 256
CPU_WEIGHT = 50
SHOWN_BYTES_MAX = 1024 * 1024
"""of one build's output; its end is kept for the message in any case"""
EPOCH = "315532800"
"""1980, where zip's time begins: as few differences as can be between two builds of one source"""


@dataclass(frozen=True)
class Shop:
    """What every run stage works with. `python`: what apps run on."""

    ground: Ground
    python: str
    handovers: Handovers
    new_token: Callable[[], str]

    @property
    def folder(self) -> Path:
        """Of FIFOs and exit codes; open to app users, since one level's scratch is below it."""
        folder = self.ground.paths.runtime / "stage"
        folder.mkdir(mode=0o711, exist_ok=True)
        return folder


class RunStage:
    """One build's. `done` is called once every package has an ending."""

    def __init__(
        self,
        shop: Shop,
        request: BuildRequest,
        packages: Sequence[Package],
        log: Path,
        done: Callable[[], None],
    ) -> None:
        self.app = request.app
        self._shop = shop
        self._request = request
        self._left = list(packages)
        self._shown = _Shown(log)
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._making: _Making | None = None

    def begin(self) -> None:
        if not self._left:
            self._done()
            return
        package = self._left.pop(0)
        if self._stopped:
            self._write_down(package, handover.Ending(None, said="it was stopped"))
            return
        self._shown.topic(f"Building {package.label} from source")
        try:
            self._making = _Making(
                self._shop, self._request, package, self._shown, self._write_down
            )
        except (DriverError, OSError) as error:
            self._write_down(package, handover.Ending(None, said=str(error)))

    def stop(self) -> None:
        """The app is gone: nothing of it may run from here on."""
        self._stopped = True
        if self._making is not None:
            self._making.kill()

    def _write_down(self, package: Package, ending: handover.Ending) -> None:
        self._making = None
        with contextlib.suppress(OSError):  # then it is asked for again, a few times
            self._shop.handovers.end(self._request.id, package, ending)
        self._loop.call_soon(self.begin)


class _Making:
    """One package in its sandbox. Raises DriverError and OSError where it cannot begin."""

    def __init__(
        self,
        shop: Shop,
        request: BuildRequest,
        package: Package,
        shown: "_Shown",
        ended: Callable[[Package, handover.Ending], None],
    ) -> None:
        self._package = package
        self._told = ended
        self._late = False
        app, confinement = request.app, shop.ground.confinement
        name = InstanceName(NAME, package.sdist[:HASH_CHARS], 1, shop.new_token(), 0)
        files = Files(shop.folder, app, name)
        with contextlib.ExitStack() as undo:
            wheel = shop.handovers.new_wheel(request.id, package)
            self._pipe = WheelPipe(wheel, WHEEL_BYTES_MAX, self.kill)
            undo.callback(self._pipe.close)
            output = sandbox.open_output(files.output)
            reports = Reports(_nothing, shown.lines, shown.lost, _nothing, self._ended)
            self._running = Running(confinement, app, name, files, output, reports)
            undo.callback(self._running.abandon)
            with _closing(shop.handovers.open_sdist(request.id, package), self._pipe.entry) as fds:
                launch = _launch(shop, request, package, name, files, fds)
                self._running.begun(sandbox.begin(confinement, launch))
            undo.pop_all()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(RUN_S_MAX, self._time_is_up)

    def kill(self) -> None:
        self._running.kill()

    def _time_is_up(self) -> None:
        self._late = True
        self.kill()

    def _ended(self, running: Running, ending: Ending) -> None:
        self._timer.cancel()
        self._pipe.close()
        said = "\n".join((*running.last_lines, *filter(None, (ending.failure,))))
        known = not ending.failure and (ending.oom or ending.code != UNKNOWN_CODE)
        code = ending.code if known else None
        if self._pipe.exceeded:
            code, said = 1, f"the wheel is over {WHEEL_BYTES_MAX // (1024 * 1024)} MiB"
        self._told(self._package, handover.Ending(code, ending.oom, self._late, said))


def _nothing(_running: Running) -> None:
    pass


@contextlib.contextmanager
def _closing(sdist: int, entry: int):
    try:
        yield {sdist: SDIST_FD, entry: WHEEL_FD}
    finally:
        os.close(sdist)
        os.close(entry)


def _launch(
    shop: Shop,
    request: BuildRequest,
    package: Package,
    name: InstanceName,
    files: Files,
    fds: dict[int, int],
) -> Launch:
    ground = shop.ground
    inside, layer = ground.confinement.inside, ground.layers.deps(package.tools)
    script = ground.confinement.tools.wheel
    tools, builder = inside(layer, "/layers/tools"), inside(script, "/layers/wheel.py")
    interpreter = prefix(shop.python)
    further = () if interpreter is None else ((interpreter, str(interpreter)),)
    return Launch(
        name=str(name),
        app=request.app,
        argv=(f"{tools}/bin/python", "-I", "-u", builder, str(SDIST_FD), str(WHEEL_FD)),
        env={
            "LANG": "C.UTF-8",
            "PATH": f"{tools}/bin:{SYSTEM_PATH}",
            "SOURCE_DATE_EPOCH": EPOCH,
        },
        cwd="/",
        binds=((layer, tools), (script, builder), *further),
        uid=ground.uid(request.app),
        memory_bytes_max=MEMORY_BYTES_MAX,
        pids_max=PIDS_MAX,
        cpu_weight=CPU_WEIGHT,
        netns=None,  # an empty one of its own
        output=files.output,
        status=files.status,
        fds=fds,
        hostname="build",
    )


class _Shown:
    """The build's output, which the builder's user owns the folder of: no link is followed."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._left = SHOWN_BYTES_MAX

    def topic(self, text: str) -> None:
        self._write(lambda output: output.topic(text))

    def lines(self, _running: Running, lines: Sequence[str]) -> None:
        if self._left <= 0:
            return
        self._left -= sum(map(len, lines))
        self._write(lambda output: [output.detail(line) for line in lines])
        if self._left <= 0:
            self._write(lambda output: output.detail("(further output is not shown)"))

    def lost(self, _running: Running, count: int) -> None:
        self._write(lambda output: output.detail(f"({count} lines came too fast to be shown)"))

    def _write(self, say: Callable[[Output], object]) -> None:
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(self._log, flags), "w", encoding="utf-8") as log:
                say(Output(log))
