"""The networks of simulated apps, as far as somebody else can take them away."""

from collections.abc import Callable, Iterable
from pathlib import Path

from setpoint.model.errors import Transient
from setpoint.model.ids import AppId
from setpoint.testing.folders import Folders


class SimNetworks:
    """A `drivers.local.seams.Networks`."""

    def __init__(self, machine: Folders) -> None:
        self._machine = machine
        self.mend: Callable[[AppId], object] = self.prepare

    def unpinned(self, apps: Iterable[AppId]) -> list[AppId]:
        return [app for app in apps if app in self._machine.cut]

    def prepare(self, app: AppId) -> Path | None:
        if app in self._machine.obstructed:
            raise Transient(f"cannot prepare the network of {app}: Not a directory")
        self._machine.cut.discard(app)
        return None
