"""The run stage of a build: what runs an app's own code, each piece in the app's own sandbox.

The same walls as for the app's instances, and no network at all. One need after the other; its
output goes to the build's log, what it made comes back through a pipe, and how it ended is written
down for the builder, which judges. A sandbox that outlives its supervisor is ended by the next one
(its name is no instance's), which then begins that need anew.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import msgspec

from setpoint.drivers.builders.output import Output
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.disk import Filling
from setpoint.drivers.local.errands import INPUT_FD, MIB, OUTPUT_FD, Asked, Errand, Shop, errand
from setpoint.drivers.local.files import open_plain
from setpoint.drivers.local.names import HASH_CHARS, InstanceName
from setpoint.drivers.local.outlet import Outlet
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import UNKNOWN_CODE, Running
from setpoint.drivers.local.seams import Ending, Handle, Reports
from setpoint.drivers.local.veil import Veil
from setpoint.formats import handover
from setpoint.formats.handover import Need
from setpoint.model.errors import DriverError
from setpoint.model.release import BuildRequest

NAME = "from.source"
"""no instance is named so: the dot sees to that"""
LOOK_S = 0.5
"""between two looks at the disk it may fill"""
SHOWN_BYTES_MAX = 1024 * 1024
"""of what the commands of one round say; its end is kept for the message in any case"""


class RunStage:
    """One build's. `done` is called once every need has an ending."""

    def __init__(
        self,
        shop: Shop,
        asked: Asked,
        needs: Sequence[Need],
        log: Path,
        done: Callable[[], None],
    ) -> None:
        self.app = asked.request.app
        self._shop = shop
        self._asked = asked
        self._request = asked.request
        self._left = list(needs)
        self._veil = Veil.of(asked.environment)
        self._shown = _Shown(log, self._veil)
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._making: _Making | None = None

    def begin(self) -> None:
        if not self._left:
            self._done()
            return
        need = self._left.pop(0)
        if self._stopped:
            self._write_down(need, handover.Ending(None, said="it was stopped"))
            return
        try:
            todo = errand(self._shop, self._asked, need)
            self._shown.topic(todo.title)
            self._making = _Making(
                self._shop, self._request, need, todo, self._shown, self._write_down
            )
        except (DriverError, OSError) as error:
            self._write_down(need, handover.Ending(None, said=str(error)))

    def stop(self) -> None:
        """The app is gone: nothing of it may run from here on."""
        self._stopped = True
        if self._making is not None:
            self._making.kill()

    def _write_down(self, need: Need, ending: handover.Ending) -> None:
        self._making = None
        ending = msgspec.structs.replace(ending, said=self._veil.over(ending.said))
        with contextlib.suppress(OSError):  # then it is asked for again, a few times
            self._shop.handovers.end(self._request.id, need, ending)
        self._loop.call_soon(self.begin)


class _Making:
    """One need in its sandbox. Raises DriverError and OSError where it cannot begin."""

    def __init__(
        self,
        shop: Shop,
        request: BuildRequest,
        need: Need,
        todo: Errand,
        shown: "_Shown",
        ended: Callable[[Need, handover.Ending], None],
    ) -> None:
        self._need = need
        self._todo = todo
        self._told = ended
        self._late = False
        self._filling = Filling(shop.trees.disk)
        app, confinement = request.app, shop.ground.confinement
        name = InstanceName(NAME, need.key[:HASH_CHARS], 1, shop.new_token(), 0)
        files = Files(shop.folder, app, name)
        with contextlib.ExitStack() as undo:
            undo.callback(todo.gone)
            out = shop.handovers.new_output(request.id, need)
            self._outlet = Outlet(out, todo.limits.out_bytes_max, self.kill)
            undo.callback(self._outlet.close)
            output = sandbox.open_output(files.output)
            reports = Reports(_nothing, shown.lines, shown.lost, _nothing, self._ended)
            self._running = Running(confinement, app, name, files, output, reports)
            undo.callback(self._running.abandon)
            with _closing(shop.handovers.open_input(request.id, need), self._outlet.entry) as fds:
                launch = todo.launch(shop, request, name, files, fds)
                self._running.begun(sandbox.begin(confinement, launch))
            undo.pop_all()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(todo.limits.run_s_max, self._time_is_up)
        self._looking = self._loop.call_later(LOOK_S, self._look)

    def kill(self) -> None:
        self._running.kill()

    def _time_is_up(self) -> None:
        self._late = True
        self.kill()

    def _look(self) -> None:
        if self._filling.too_much():
            self.kill()
        else:
            self._looking = self._loop.call_later(LOOK_S, self._look)

    def _ended(self, running: Handle, ending: Ending) -> None:
        self._timer.cancel()
        self._looking.cancel()
        self._outlet.close()
        self._todo.gone()
        said = "\n".join((*running.last_lines, *filter(None, (ending.failure,))))
        known = not ending.failure and (ending.oom or ending.code != UNKNOWN_CODE)
        code = ending.code if known else None
        if self._outlet.exceeded:
            code, said = 1, f"what it made is over {self._todo.limits.out_bytes_max // MIB} MiB"
        full = self._filling.seen
        self._told(self._need, handover.Ending(code, ending.oom, self._late, said, full))


def _nothing(_running: Handle) -> None:
    pass


@contextlib.contextmanager
def _closing(given: int, entry: int) -> Generator[dict[int, int]]:
    try:
        yield {given: INPUT_FD, entry: OUTPUT_FD}
    finally:
        os.close(given)
        os.close(entry)


class _Shown:
    """The build's output, which the builder's user owns the folder of: no link is followed."""

    def __init__(self, log: Path, veil: Veil) -> None:
        self._log = log
        self._veil = veil
        self._left = SHOWN_BYTES_MAX

    def topic(self, text: str) -> None:
        self._write(lambda output: output.topic(text))

    def lines(self, _running: Handle, lines: Sequence[str]) -> None:
        if self._left <= 0:
            return
        say = [self._veil.over(line) for line in lines]
        self._left -= self._write(lambda output: [output.detail(line) for line in say])
        if self._left <= 0:
            self._write(lambda output: output.detail("(further output is not shown)"))

    def lost(self, _running: Handle, count: int) -> None:
        if self._left <= 0:  # said already
            return
        self._write(lambda output: output.detail(f"({count} lines came too fast to be shown)"))

    def _write(self, say: Callable[[Output], object]) -> int:
        """-> bytes. What is not printable takes more than it was."""
        with contextlib.suppress(OSError):
            fd = open_plain(self._log, os.O_WRONLY | os.O_APPEND)
            with open(fd, "w", encoding="utf-8") as log:
                before = os.fstat(fd).st_size
                say(Output(log))
                return os.fstat(fd).st_size - before
        return 0
