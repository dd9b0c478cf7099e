"""What every start on this machine stands on, whatever it is a start of."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders.laid import inode
from setpoint.drivers.local import sandbox
from setpoint.drivers.local.hindrance import check_level
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.names import HostName
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.recipe import APP, DEPS, Layers, recipe
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.sandbox import Confinement, Identity, Launch
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.model.ids import AppId
from setpoint.model.level import Level
from setpoint.model.process import ProcessSpec


@dataclass(frozen=True)
class Ground:
    """What every start stands on. `app_uid_first`: None where there is one uid for all."""

    confinement: Confinement
    paths: Paths
    layers: Layers
    lasting: Lasting
    app_uid_first: int | None
    ways_out: WaysOut

    def uid(self, app: AppId) -> int | None:
        """The app's own, or None where all are one."""
        if self.app_uid_first is None or self.confinement.uids is None:
            return None
        return self.app_uid_first + self.lasting.number(app)

    def check_level(self, what: str, wanted: Level | None) -> None:
        """Raises TooLow."""
        check_level(what, wanted, self.confinement.level)

    def footing(self, spec: ProcessSpec) -> tuple[int, ...]:
        """Which folders its layers are, by inode, and 0 for one that is not there; none where apps
        see them by name, so that they are always in the one that has it."""
        if not self.confinement.hides:
            return ()
        deps = () if spec.layer is None else (self.layers.deps(spec.layer),)
        return tuple(inode(path) for path in (self.layers.code(spec), *deps))

    def footing_within(self, root: Path, spec: ProcessSpec) -> tuple[int, ...]:
        """The same of one that runs and of which no record tells. `root`: its own, which shows the
        folders that it began in, whatever has their names by now."""
        if not self.confinement.hides:
            return ()
        seen = (APP,) if spec.layer is None else (APP, DEPS)
        return tuple(inode(root / path.removeprefix("/")) for path in seen)

    def launch(
        self,
        app: AppId,
        name: HostName,
        spec: ProcessSpec,
        environment: Mapping[str, str],
        port: int,
        files: Files,
    ) -> Launch:
        """`spec` within the app's walls; what is special about this start is the caller's to add.

        Raises Transient, Terminal or OSError.
        """
        confinement = self.confinement
        netns = self.ways_out.prepare(app)
        cooked = recipe(spec, environment, name.dyno, port, self.layers, confinement.inside)
        return Launch(
            name=str(name),
            app=app,
            argv=cooked.argv,
            env=cooked.env,
            cwd=cooked.cwd,
            binds=cooked.binds,
            uid=self.uid(app),
            memory_bytes_max=spec.memory_bytes_max,
            pids_max=spec.pids_max,
            cpu_weight=max(1, spec.cpu_weight * 100 // 1024),
            netns=netns,
            output=files.output,
            status=files.status,
            fds={},
            hostname=_hostname(name.dyno),
        )


def reopened(output: Path, identity: Identity) -> int:
    """The reading end again; where the FIFO's name is lost, by way of what still writes to it."""
    if not output.exists():
        with contextlib.suppress(OSError):
            flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(f"/proc/{identity.inner_pid}/fd/1", flags)
    return sandbox.open_output(output)


def _hostname(dyno: str) -> str:
    process, _, number = dyno.rpartition(".")
    return f"{process[:50]}-{number}".replace("_", "-").lower()
