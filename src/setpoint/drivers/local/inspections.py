"""Are the layers in use still what was laid? Looked at once per period, by a process beside the
supervisor; what was altered is told, and whatever runs on it learns that it was laid again.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from setpoint.drivers.builders import laid
from setpoint.drivers.builders.laid import Laid
from setpoint.drivers.local import facts as change
from setpoint.drivers.local import helper
from setpoint.drivers.local.builds import Site
from setpoint.drivers.local.files import read_plain
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Standing, Table
from setpoint.formats.control import Inspection
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId
from setpoint.model.job import RUN_S_MAX
from setpoint.model.layer import Altered

log = logging.getLogger("setpoint.supervisor")

PERIOD_S = 30.0
REST = 50.0
"""So many times as long as a look took is the pause after it: it takes a fiftieth of a core at
most, however much there is to look at."""
LOOK_S_MAX = 600.0
WORDS = {"code": ("code", "was"), "deps": ("packages", "were")}
"""By kind of layer: what it is called, and its verb."""


class Inspections:
    """`tell`: called with each app of which something was altered, or laid again."""

    def __init__(
        self,
        ground: Ground,
        site: Site,
        table: Table,
        hands: Hands,
        supervisor: Supervisor,
        tell: Callable[[AppId], None],
        now_s: Callable[[], float],
    ) -> None:
        self._ground = ground
        self._site = site
        self._table = table
        self._hands = hands
        self._supervisor = supervisor
        self._tell = tell
        self._now_s = now_s
        self._began_s = now_s()
        self._known: dict[str, Altered] = {}
        hands.relieved = self._look_at

    async def run(self) -> None:
        """Until cancelled. Nothing where apps are not kept from writing to their own layers."""
        if not self._ground.confinement.hides:
            return
        self.heed()
        loop, took_s = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(PERIOD_S, REST * took_s))
            began_s = loop.time()
            try:
                await self.look()
            except DriverError as error:
                log.warning("inspection.failed", extra={"why": error.message})
            except Exception:
                log.exception("inspection.broke")
            took_s = loop.time() - began_s

    async def look(self) -> None:
        """Raises Transient."""
        paths = self._site.paths
        job = Inspection(str(paths.layers), tuple(self._in_use()), tuple(self._inodes()), RUN_S_MAX)
        argv = [sys.executable, "-I", "-m", "setpoint.processes.inspector"]
        env = {**os.environ, **self._site.account}
        await helper.run("look at layers", argv, env, msgspec.json.encode(job), LOOK_S_MAX)
        self.heed()

    def altered(self) -> tuple[Altered, ...]:
        """What is marked right now."""
        return tuple(self._marked().values())

    def heed(self) -> None:
        """Tell what is marked by now, and what no longer is."""
        known, self._known = self._known, self._marked()
        for standing in list(self._table.sets.values()):
            self._look_at(standing)
            if any((name in known) != (name in self._known) for name in _layers(standing)):
                self._tell(standing.key.app)

    def built(self, app: AppId) -> None:
        """A build of it began or ended, which may have laid anew what was altered."""
        if self._known:
            self.heed()
        self._tell(app)

    # --- one set ------------------------------------------------------------------------------

    def _look_at(self, standing: Standing) -> None:
        self._look_at_footing(standing)
        for name in _layers(standing):
            subject, verb = WORDS[name.partition("-")[0]]
            told = self._known.get(name)
            if told is not None:
                self._drifted(
                    standing, subject, f"{verb} altered by an outsider: {told.text}", told
                )
            elif not any(i.outdated for i in standing.facts.live):
                self._hands.repaired(standing, subject, f"{verb} laid again")

    def _look_at_footing(self, standing: Standing) -> None:
        """An instance goes on in the folder that it began in, whatever has its name by now."""
        if standing.order is None or not standing.facts.up:
            return
        now = self._ground.footing(standing.order.spec)
        for instance in standing.facts.up:
            running = standing.running.get(instance.id)
            if running is None or instance.outdated:
                continue
            if not running.footing and running.identity is not None:  # its record was lost
                root = Path(f"/proc/{running.identity.inner_pid}/root")
                running.footing = self._ground.footing_within(root, standing.order.spec)
            if not _moved(running.footing, now):
                continue
            standing.facts = change.outdated(standing.facts, instance.id)
            self._supervisor.wake(standing.key)

    def _drifted(self, standing: Standing, subject: str, what: str, told: Altered) -> None:
        """Once per app, whatever it has of sets; not again what an earlier supervisor told."""
        facts = [s.facts for s in self._table.of_app(standing.key.app)]
        if any(change.adrift_since_s(f, subject) is not None for f in facts):
            return
        if told.noticed_at_s < self._began_s:
            standing.facts = change.drifted(standing.facts, subject, told.noticed_at_s)
        else:
            self._hands.drifted(standing, subject, what)

    # --- what there is ------------------------------------------------------------------------

    def _in_use(self) -> dict[str, None]:
        """Names of layers, each once."""
        return dict.fromkeys(n for s in self._table.sets.values() for n in _layers(s))

    def _inodes(self) -> set[int]:
        running = (r for s in self._table.sets.values() for r in s.running.values())
        return {inode for r in running for inode in r.footing}

    def _marked(self) -> dict[str, Altered]:
        """The folder is the builder's, and what is in there is what it says."""
        found: dict[str, Altered] = {}
        for path in laid.marked(self._site.paths.layers):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                said = read_plain(path, laid.MARK_BYTES_MAX)
                told = msgspec.json.decode(said, type=Altered)
                layer = Laid.named(self._site.paths.layers, path.name)
                if layer is not None and layer.digest == told.layer:
                    found[path.name] = told
        return found


def _layers(standing: Standing) -> Iterator[str]:
    """Names of those that a set is ordered to run on."""
    if standing.order is not None:
        spec = standing.order.spec
        yield f"code-{spec.code}"
        if spec.layer is not None:
            yield f"deps-{spec.layer}"


def _moved(then: tuple[int, ...], now: tuple[int, ...]) -> bool:
    """A folder that is not there now has not been laid again yet."""
    return any(new and new != old for old, new in zip(then, now, strict=False))
